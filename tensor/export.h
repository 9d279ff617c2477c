// RILL_API marks what librill exports; everything else stays hidden inside it.
//
// Write it on each class with out-of-line members, and on each free function, that programs outside
// the library may use. Exception types need it too, or a program could not catch them by type.
// Invariant: a name without RILL_API can change without breaking anybody's program.

#pragma once

#define RILL_API __attribute__((visibility("default")))
