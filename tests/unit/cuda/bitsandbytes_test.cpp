// SPDX-License-Identifier: MIT
// Finding bitsandbytes' library, and telling one that does not fit: with libraries of its functions
// on the host's memory (support/fake_bitsandbytes.cpp).
#include "memory/bitsandbytes.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/fake_libraries.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::fake_bitsandbytes;

namespace {

std::string refusal(const std::string& file) {
  try {
    static_cast<void>(memory::load_bitsandbytes(file));
  } catch (const Error& error) {
    return error.what();
  }
  return "not refused";
}

/// As pip lays it: bitsandbytes/FILE beside bitsandbytes-VERSION.dist-info.
std::filesystem::path packaged(const std::filesystem::path& root, const std::string& version) {
  const auto folder = root / version / "bitsandbytes";
  std::filesystem::create_directories(folder);
  std::filesystem::create_directories(root / version / ("bitsandbytes-" + version + ".dist-info"));
  const auto file = folder / "libbitsandbytes_cuda130.so";
  std::filesystem::copy_file(fake_bitsandbytes("whole"), file);
  return file;
}

}  // namespace

TEST_CASE("A library with all functions is taken, whoever made it", "[cuda][bitsandbytes]") {
  const auto library = memory::load_bitsandbytes(fake_bitsandbytes("whole"));
  CHECK(library.decode_float32 != nullptr);
  CHECK(library.decode_nf4_float32 != nullptr);
  CHECK(library.decode_nf4_bfloat16 != nullptr);
  CHECK(library.adam_float32 != nullptr);
  CHECK(library.adam_bfloat16 != nullptr);
  CHECK(library.file == fake_bitsandbytes("whole"));
  CHECK(library.version.empty());
}

TEST_CASE("A library that does not fit is refused with what is missing", "[cuda][bitsandbytes]") {
  const std::string old = fake_bitsandbytes("before_044"), part = fake_bitsandbytes("part");
  CHECK(refusal(old) == old +
                            " has not the functions of bitsandbytes 0.44 to 0.50 for CUDA: no "
                            "cademamix_8bit_blockwise_grad_fp32");
  CHECK(refusal(part) == part +
                             " has not the functions of bitsandbytes 0.44 to 0.50 for CUDA: no "
                             "cadam_8bit_blockwise_grad_bf16");
  CHECK_THAT(refusal("libno_such_bitsandbytes.so"),
             testing::contains("libno_such_bitsandbytes.so cannot be loaded: "));
  const std::string stranger = (library_folder() / "liblldm.so").string();
  CHECK_THAT(refusal(stranger), testing::contains("no cdequantize_blockwise_fp32, "));
}

TEST_CASE("The version is the package's around the library", "[cuda][bitsandbytes]") {
  const testing::TemporaryFolder folder;
  for (const char* version : {"0.44.0", "0.45.5", "0.50.1", "0.50.2.dev0"})
    CHECK(memory::load_bitsandbytes(packaged(folder.path(), version).string()).version == version);
  for (const char* version : {"0.43.3", "0.51.0", "1.45.0", "0.x", "0"}) {
    const auto file = packaged(folder.path(), version).string();
    CHECK(refusal(file) ==
          file + " is of bitsandbytes " + version + "; lldm knows the functions of 0.44 to 0.50");
  }
}

// One case: what a process has found holds for it.
TEST_CASE("LLDM_BITSANDBYTES names the process's library until a trial fails",
          "[cuda][bitsandbytes]") {
  const std::string file = fake_bitsandbytes("whole");
  REQUIRE(setenv("LLDM_BITSANDBYTES", file.c_str(), 1) == 0);
  const memory::Bitsandbytes* library = memory::bitsandbytes();
  REQUIRE(library != nullptr);
  CHECK(library->file == file);
  CHECK(memory::bitsandbytes() == library);
  CHECK(memory::bitsandbytes_text() == "version unknown, " + file);
  const auto facts = environment_facts();
  const auto fact = std::ranges::find(facts, "bitsandbytes", &EnvironmentFact::name);
  REQUIRE(fact != facts.end());
  CHECK(fact->value == memory::bitsandbytes_text());

  memory::distrust_bitsandbytes("numbers came out wrong");
  memory::distrust_bitsandbytes("the first reason stays");
  CHECK(memory::bitsandbytes() == nullptr);
  CHECK(memory::bitsandbytes_text() == "not used: " + file + ": numbers came out wrong");
  REQUIRE(unsetenv("LLDM_BITSANDBYTES") == 0);
}
