#include "server/admin_cli.h"

int main(int argc, char** argv) {
    return server::run(argc, argv);
}
