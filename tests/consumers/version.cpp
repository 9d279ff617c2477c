// The least a program can ask of rill.

#include <rill/version.h>

#include <cstring>

int main() { return std::strcmp(rill::library_version(), RILL_VERSION) == 0 ? 0 : 1; }
