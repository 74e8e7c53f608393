# Catch2 drives every C++ test, wire scripts included. One binary per module, so that a change rebuilds little.
find_package(Catch2 2 REQUIRED)

add_library(test_main STATIC tests/support/catch_main.cc)
target_link_libraries(test_main PUBLIC Catch2::Catch2 hearth_flags)

function(hearth_tests name)
    cmake_parse_arguments(arg "" "" "DIRS;PARTS;LINK" ${ARGN})
    set(sources)
    foreach(dir ${arg_DIRS})
        file(GLOB found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${dir}/*_test.cc)
        list(APPEND sources ${found})
    endforeach()
    list(APPEND sources ${arg_PARTS})
    if(NOT sources)
        return()
    endif()
    add_executable(${name} ${sources})
    target_link_libraries(${name} PRIVATE test_main ${arg_LINK})
    target_compile_definitions(${name} PRIVATE HEARTH_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name})
endfunction()

hearth_tests(base_tests DIRS tests/base LINK hearth_base)
hearth_tests(storage_tests DIRS tests/storage LINK hearth_storage SQLiteCpp SQLite::SQLite3)
hearth_tests(dav_tests DIRS tests/dav LINK hearth_dav)
hearth_tests(carddav_tests DIRS tests/carddav LINK hearth_carddav)
hearth_tests(net_tests DIRS tests/net LINK hearth_net OpenSSL::SSL)
hearth_tests(server_tests DIRS tests/server LINK hearth_server nlohmann_json::nlohmann_json)
# The runner of the wire scripts; the scripts themselves are read at run time.
hearth_tests(wire_tests DIRS tests/wire
    PARTS tests/wire/script.cc tests/wire/stage.cc tests/wire/transport.cc tests/wire/transport_tls.cc tests/wire/xml_tree.cc
    LINK hearth_server LibXml2::LibXml2 OpenSSL::SSL)
hearth_tests(house_tests DIRS tests/house LINK hearth_base)
# The simulator: the real core and the real SQLite on a disk that forgets.
file(GLOB HEARTH_SIM CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim/*.cc)
add_executable(hearth_sim ${HEARTH_SIM})
target_link_libraries(hearth_sim PRIVATE hearth_storage SQLite::SQLite3)
# The same with mistakes planted in the store, to see that the simulator finds them: never shipped.
get_target_property(HEARTH_STORAGE_SOURCES hearth_storage SOURCES)
add_library(hearth_storage_planted STATIC EXCLUDE_FROM_ALL ${HEARTH_STORAGE_SOURCES})
target_compile_definitions(hearth_storage_planted PUBLIC HEARTH_PLANTED)
target_include_directories(hearth_storage_planted PRIVATE ${CMAKE_BINARY_DIR}/generated)
target_link_libraries(hearth_storage_planted PUBLIC hearth_flags hearth_base PRIVATE SQLiteCpp SQLite::SQLite3)
add_executable(hearth_sim_planted EXCLUDE_FROM_ALL ${HEARTH_SIM})
target_link_libraries(hearth_sim_planted PRIVATE hearth_storage_planted SQLite::SQLite3)
