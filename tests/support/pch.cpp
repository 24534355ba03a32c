// SPDX-License-Identifier: MIT
// Owns the precompiled header of the tests (tests/CMakeLists.txt); holds nothing itself.
