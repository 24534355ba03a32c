// SPDX-License-Identifier: MIT
// Catch2 as Debian 12 (2.13) and Ubuntu 24.04 (3.4) ship it, behind one include.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
using Catch::Detail::Approx;  // Catch::Approx is a vector matcher in version 2
#endif
