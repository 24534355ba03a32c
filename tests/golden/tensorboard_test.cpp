// SPDX-License-Identifier: MIT
// golden/tensorboard: an event file made by hand and read by TensorBoard itself, and CRC-32C
// vectors.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/storage/sha256.hpp"
#include "lldm/track/tensorboard.hpp"
#include "support/catch.hpp"
#include "support/event_reader.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lldm::testing::BadRecord;
using lldm::testing::read_events;
using nlohmann::json;

namespace {

fs::path folder() { return lldm::testing::golden_root() / "tensorboard"; }

json expected() { return json::parse(lldm::read_file(folder() / "expected.json")); }

std::vector<fs::path> event_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder()))
    if (entry.path().filename().string().starts_with("events.out.tfevents."))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

json as_json(float value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return static_cast<double>(value);
}

/// {tag: [[wall_time, step, value], ...]} of all scalars; a record with a wrong checksum ends a
/// file.
json scalars_of(const std::vector<fs::path>& files) {
  json scalars = json::object();
  for (const auto& file : files) {
    const auto events = read_events(lldm::read_file(file), BadRecord::ends_file);
    REQUIRE_FALSE(events.empty());
    CHECK(events[0].file_version == "brain.Event:2");
    for (const auto& event : events)
      for (const auto& value : event.values)
        scalars[value.tag].push_back(
            {event.wall_time, event.step, as_json(value.simple_value.value())});
  }
  return scalars;
}

}  // namespace

TEST_CASE("Every file of golden/tensorboard is known and as the manifest says",
          "[golden][tensorboard]") {
  const auto manifest =
      json::parse(lldm::read_file(lldm::testing::golden_root() / "manifest_texts.json"))
          .at("files");
  std::size_t listed = 0, found = 0;
  for (const auto& [name, entry] : manifest.items()) {
    if (!name.starts_with("tensorboard/")) continue;
    ++listed;
    INFO(name);
    CHECK(lldm::sha256_file(lldm::testing::golden_root() / name) ==
          entry.at("sha256").get<std::string>());
  }
  for (const auto& entry : fs::directory_iterator(folder())) {
    ++found;
    const auto name = entry.path().filename().string();
    CHECK((name == "expected.json" || name.starts_with("events.out.tfevents.")));
  }
  CHECK(found == listed);
  REQUIRE_FALSE(event_files().empty());
}

TEST_CASE("crc32c and its mask agree with the golden vectors", "[golden][tensorboard]") {
  const auto vectors = expected().at("crc32c");
  REQUIRE_FALSE(vectors.empty());
  for (const auto& vector : vectors) {
    const auto bytes = from_hex(vector.at("hex"));
    CHECK(lldm::crc32c(bytes) == vector.at("crc32c").get<std::uint32_t>());
    CHECK(lldm::masked_crc32c(bytes) == vector.at("masked").get<std::uint32_t>());
  }
  std::cout << "tensorboard: " << vectors.size() << " checksum vectors\n";
}

TEST_CASE("The golden event file holds the expected scalars", "[golden][tensorboard]") {
  const auto want = expected().at("scalars");
  std::size_t count = 0;
  for (const auto& [tag, points] : want.items()) count += points.size();
  REQUIRE(count > 0);
  CHECK(scalars_of(event_files()) == want);
  std::cout << "tensorboard: " << count << " scalars of " << want.size() << " tags read\n";
}

TEST_CASE("TensorBoardWriter writes the golden scalars again", "[golden][tensorboard]") {
  lldm::testing::TemporaryFolder made;
  std::vector<fs::path> written;
  std::size_t count = 0;
  for (const auto& file : event_files()) {
    const auto events = read_events(lldm::read_file(file), BadRecord::ends_file);
    double now = events.at(0).wall_time;
    lldm::TensorBoardWriter writer(made.path(), {}, lldm::real_file_ops(), [&] { return now; });
    for (const auto& event : events) {
      now = event.wall_time;
      std::vector<lldm::Metric> values;
      for (const auto& value : event.values)
        values.emplace_back(value.tag, value.simple_value.value());
      writer.scalars(event.step, values);
      count += values.size();
    }
    written.push_back(writer.path());
  }
  CHECK(scalars_of(written) == expected().at("scalars"));
  std::cout << "tensorboard: " << count << " scalars written again\n";
}
