#pragma once

namespace server {

// The whole program: parses the command line of `hearth`, runs the command, gives its exit status
// (0 done, 1 failed with one clear line on stderr, 2 wrong usage).
int run(int argc, char** argv);

}  // namespace server
