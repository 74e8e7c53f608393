#pragma once

#include <optional>
#include <string>

#include "storage/volume.h"

namespace storage {

// The file system below an open folder: its name, whether it can be written to, and what is known of it.
Volume identify_volume(int folder, VolumePolicy policy);

// Tries out in an empty folder what a root needs: modes, times, second names, names told apart, synced folders, and
// SQLite's locks and shared memory. What was said of `volume` before, with what was found; leaves the folder empty when
// all went well.
Volume try_volume(int folder, Volume volume);

}  // namespace storage
