#pragma once

#include <array>
#include <string_view>

namespace base {

// Mistakes put into the store on purpose, one at a time: each is one that a good programmer could make, and alone loses
// or falsifies something. They prove that the simulator finds faults (tests/sim/plants). Only its own build with
// HEARTH_PLANTED has them; a shipped one never does: there planted() is the constant false and every place reads as if
// it were not there.
enum class Plant {
    none,
    // The first set.
    step_before_commit,      // file steps are performed, then the transaction is committed
    row_before_sync,         // a redo row goes, then what it was for is synced
    staged_unsynced,         // an upload is finished without a sync of its octets
    folder_unsynced,         // names are not synced before their redo rows go
    second_name_unsynced,    // the second name of a staged file is not synced
    database_unsynced,       // a commit is answered before the log of the database is on the disk
    facts_by_name,           // after placing, the facts of whatever stands at the name are recorded
    moved_unseen,            // a moved file counts as ours although another program wrote into it before
    redo_all,                // a start performs all redo rows again, as if none had been
    torn_left,               // a start does not restore octets that a power cut took from a placed file
    staging_swept_first,     // a start sweeps staging before it redoes rows that place files from there
    rollback_keeps_digests,  // digests of folders in memory outlive the transaction that changed them
    half_job_committed,      // what a failing job did before it failed is committed with its neighbours
    no_replace_missing,      // a new file goes over one that another program made meanwhile
    removal_takes_unseen,    // a removal from another home takes members that its writer had not heard of
    props_by_origin,         // of two values of a property, the greater origin wins and not the later clock
    copy_named_by_here,      // a conflict copy is named after the home that lays out, not the one that wrote
    version_row_missing,     // members of a removed folder get no version rows
    surprise_unseen,         // what came out of an exchange counts as the version, unlooked at
    space_of_replaced,       // a replaced content is not given back to the space
    // The second set: subtle, and of other kinds.
    marks_ignored,          // a start takes steps that failed for performed
    chores_forgotten,       // redo rows that a rolled back commit was to take out stay until the next start
    ended_transaction,      // statements go on after SQLite ended their transaction by itself
    sync_tried_again,       // a sync that failed is asked for again, and then believed
    folder_moves_as_heard,  // moves of folders count in the order they are heard, not of their ranks
};

struct PlantName {
    Plant plant;
    std::string_view name;
    bool second;  // set
};

#define HEARTH_PLANT(name, second) \
    PlantName {                    \
        Plant::name, #name, second \
    }
inline constexpr std::array kPlants = {
    HEARTH_PLANT(step_before_commit, false),
    HEARTH_PLANT(row_before_sync, false),
    HEARTH_PLANT(staged_unsynced, false),
    HEARTH_PLANT(folder_unsynced, false),
    HEARTH_PLANT(second_name_unsynced, false),
    HEARTH_PLANT(database_unsynced, false),
    HEARTH_PLANT(facts_by_name, false),
    HEARTH_PLANT(moved_unseen, false),
    HEARTH_PLANT(redo_all, false),
    HEARTH_PLANT(torn_left, false),
    HEARTH_PLANT(staging_swept_first, false),
    HEARTH_PLANT(rollback_keeps_digests, false),
    HEARTH_PLANT(half_job_committed, false),
    HEARTH_PLANT(no_replace_missing, false),
    HEARTH_PLANT(removal_takes_unseen, false),
    HEARTH_PLANT(props_by_origin, false),
    HEARTH_PLANT(copy_named_by_here, false),
    HEARTH_PLANT(version_row_missing, false),
    HEARTH_PLANT(surprise_unseen, false),
    HEARTH_PLANT(space_of_replaced, false),
    HEARTH_PLANT(marks_ignored, true),
    HEARTH_PLANT(chores_forgotten, true),
    HEARTH_PLANT(ended_transaction, true),
    HEARTH_PLANT(sync_tried_again, true),
    HEARTH_PLANT(folder_moves_as_heard, true),
};
#undef HEARTH_PLANT

#ifdef HEARTH_PLANTED
inline constexpr bool kCanPlant = true;
inline Plant the_plant = Plant::none;  // set before any thread starts
inline bool planted(Plant plant) {
    return the_plant == plant;
}
// False: there is none of that name.
inline bool plant(std::string_view name) {
    for (const PlantName& one : kPlants) {
        if (one.name != name) continue;
        the_plant = one.plant;
        return true;
    }
    return false;
}
#else
inline constexpr bool kCanPlant = false;
constexpr bool planted(Plant) {
    return false;
}
constexpr bool plant(std::string_view) {
    return false;
}
#endif

}  // namespace base
