// SPDX-License-Identifier: MIT
#include "experiment/input_files.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
namespace fs = std::filesystem;

namespace {

std::string digest_of(const fs::path& path) {
  return InputFiles().digest_of(config::Value::string(path.string()));
}

/// A model folder as it comes from elsewhere: without a manifest.
void write_model(const fs::path& folder, const std::string& weights) {
  fs::create_directories(folder);
  testing::write_file(folder / "config.json", "{}");
  testing::write_file(folder / "model.safetensors", weights);
}

}  // namespace

TEST_CASE("A folder without a manifest counts by what its files hold", "[experiment][input]") {
  const testing::TemporaryFolder folder;
  const fs::path model = folder / "model", weights = model / "model.safetensors";
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{3} << 20}) {
    write_model(model, std::string(bytes, 'a'));
    const auto time = fs::last_write_time(weights);
    const std::string before = digest_of(model);
    // One byte, at the same size and time.
    testing::write_file(weights, std::string(bytes - 1, 'a') + "b");
    fs::last_write_time(weights, time);
    CHECK(digest_of(model) != before);
    // The same bytes: touched, and copied elsewhere.
    testing::write_file(weights, std::string(bytes, 'a'));
    fs::last_write_time(weights, time + std::chrono::hours(1));
    CHECK(digest_of(model) == before);
    fs::remove_all(folder / "copy");
    fs::copy(model, folder / "copy");
    CHECK(digest_of(folder / "copy") == before);
    fs::rename(folder / "copy/config.json", folder / "copy/other.json");
    CHECK(digest_of(folder / "copy") != before);
  }
}
