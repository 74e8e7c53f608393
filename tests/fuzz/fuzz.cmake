# One executable for each <name>_fuzz.cc. With clang they are libFuzzer's, and everything is built for it:
#   cmake -B build-fuzz -DHEARTH_FUZZ=ON -DHEARTH_SANITIZE=address -DHEARTH_TESTS=OFF -DCMAKE_CXX_COMPILER=clang++ \
#       -DCMAKE_C_COMPILER=clang
#   build-fuzz/path_fuzz -max_total_time=60 build-fuzz/found tests/fuzz/corpus/path_fuzz
# Other compilers get the same targets as plain replays of their corpus.
set(HEARTH_FUZZER OFF)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    set(HEARTH_FUZZER ON)
    if(NOT HEARTH_SANITIZE STREQUAL "address")
        message(FATAL_ERROR "HEARTH_FUZZ with clang needs -DHEARTH_SANITIZE=address, or most bugs would go unseen")
    endif()
    target_compile_options(hearth_flags INTERFACE -fsanitize=fuzzer-no-link)
    target_link_options(hearth_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.cc)
foreach(source ${fuzz_sources})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} ${source})
    if(name STREQUAL "request_fuzz")
        target_link_libraries(${name} PRIVATE hearth_net)
    elseif(name MATCHES "card")
        target_link_libraries(${name} PRIVATE hearth_carddav)
    else()
        target_link_libraries(${name} PRIVATE hearth_dav)
    endif()
    if(HEARTH_FUZZER)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cc)
    endif()
endforeach()
