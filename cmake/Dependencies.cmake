# SPDX-License-Identifier: MIT
# Every third-party library, with the one place that may use it (docs/dependencies.md says why).
find_package(Threads REQUIRED)
find_package(tomlplusplus REQUIRED)          # src/config only
find_package(nlohmann_json 3.10 REQUIRED)    # data, tokenizer, model folder, reports
find_package(Eigen3 3.3 REQUIRED NO_MODULE)  # eval statistics
find_package(Boost 1.75 REQUIRED COMPONENTS program_options)  # PFR in config/field.hpp; Program_options in cli
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)                  # src/data/byte_source.cpp
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)    # tokenizer
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)  # text, tokenizer
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)  # src/storage/sha256.cpp
