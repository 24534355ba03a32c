// SPDX-License-Identifier: MIT
#include "lldm/track/tensorboard.hpp"

#include <cmath>
#include <fstream>
#include <limits>

#include "support/catch.hpp"
#include "support/event_reader.hpp"
#include "support/temporary_folder.hpp"

using lldm::TensorBoardWriter;
using lldm::testing::Message;
using lldm::testing::read_events;
using lldm::testing::TemporaryFolder;

namespace {

lldm::WallClock at(double seconds) {
  return [seconds] { return seconds; };
}

}  // namespace

TEST_CASE("TensorBoardWriter starts with the version and writes scalars at once",
          "[track][tensorboard]") {
  TemporaryFolder folder;
  TensorBoardWriter writer(folder / "tb/sft", {}, lldm::real_file_ops(), at(1700000000.25));
  CHECK(read_events(lldm::read_file(writer.path())).size() == 1);
  writer.scalar("train/loss", 3, 0.1);
  writer.scalars(std::int64_t{1} << 40,
                 {{"a", -1e300}, {"\xce\xb1", std::numeric_limits<double>::quiet_NaN()}});
  writer.scalars(9, {});
  const auto events = read_events(lldm::read_file(writer.path()));
  REQUIRE(events.size() == 3);
  CHECK(events[0].file_version == "brain.Event:2");
  CHECK(events[1].wall_time == 1700000000.25);
  CHECK(events[1].step == 3);
  REQUIRE(events[1].values.size() == 1);
  CHECK(events[1].values[0].tag == "train/loss");
  CHECK(events[1].values[0].simple_value == 0.1f);
  CHECK(events[2].step == std::int64_t{1} << 40);
  REQUIRE(events[2].values.size() == 2);
  CHECK(events[2].values[0].simple_value == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(events[2].values[1].simple_value.value()));
}

TEST_CASE(
    "A resumed stage opens a new file that sorts last and hides the steps that are done again",
    "[track][tensorboard]") {
  TemporaryFolder folder;
  std::vector<std::string> names;
  for (const double now :
       {1700000000.0, 1700000000.9, 1600000000.0, 1800000000.0}) {  // also if the clock goes back
    TensorBoardWriter writer(folder.path(),
                             names.empty() ? std::nullopt : std::optional<std::int64_t>(21),
                             lldm::real_file_ops(), at(now));
    if (!names.empty()) CHECK(writer.path().filename().string() > names.back());
    const auto events = read_events(lldm::read_file(writer.path()));
    CHECK(events.size() == (names.empty() ? 1 : 2));
    if (!names.empty()) {
      CHECK(events[1].step == 21);
      CHECK(events[1].session_status == 1);
    }
    names.push_back(writer.path().filename().string());
    CHECK(names.back().starts_with("events.out.tfevents.1"));
  }
}

TEST_CASE("TensorBoardWriter writes text and settings", "[track][tensorboard]") {
  TemporaryFolder folder;
  TensorBoardWriter writer(folder.path(), {}, lldm::real_file_ops(), at(5));
  writer.text("sample/0", 7, "**two** apples\n");
  writer.hyper_parameters({{"beta", 0.1}, {"shared_draws", true}, {"objective", "dpo"}},
                          {"eval/accuracy"});
  const auto events = read_events(lldm::read_file(writer.path()));
  REQUIRE(events.size() == 4);
  const auto& text = events[1].values.at(0);
  CHECK(text.tag == "sample/0/text_summary");
  CHECK(text.plugin == "text");
  CHECK(text.text == "**two** apples\n");
  CHECK(events[1].step == 7);

  CHECK(events[2].values.at(0).tag == "_hparams_/experiment");
  CHECK(events[2].values.at(0).plugin == "hparams");
  Message experiment(Message(events[2].values[0].plugin_content).take_one(2, 2).value());
  CHECK(experiment.take_all(4, 2) == std::vector<std::string>{"\n\x04"
                                                              "beta \x03",
                                                              "\n\x0cshared_draws \x02",
                                                              "\n\tobjective \x01"});
  CHECK(experiment.take_all(5, 2) == std::vector<std::string>{"\n\x0f\x12\reval/accuracy"});
  experiment.expect_empty();

  CHECK(events[3].values.at(0).tag == "_hparams_/session_start_info");
  Message start(Message(events[3].values[0].plugin_content).take_one(3, 2).value());
  CHECK(start.take_all(1, 2).at(2) ==
        "\n\tobjective\x12\x05\x1a\x03"
        "dpo");
  CHECK(start.take_all(5, 1).size() == 1);
  start.expect_empty();
}

TEST_CASE("crc32c agrees with its definition", "[track][tensorboard]") {
  CHECK(lldm::crc32c("123456789") == 0xE3069283u);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK(lldm::crc32c(bytes) == lldm::testing::slow_crc32c(bytes));
    CHECK(lldm::masked_crc32c(bytes) == lldm::testing::slow_masked_crc32c(bytes));
    bytes += static_cast<char>(i * 37);
  }
}

TEST_CASE("The strict reader notices any flipped bit of an event file", "[track][tensorboard]") {
  TemporaryFolder folder;
  TensorBoardWriter writer(folder.path(), {}, lldm::real_file_ops(), at(5));
  writer.scalar("train/loss", 1, 2);
  const auto whole = lldm::read_file(writer.path());
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    auto bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    CHECK_THROWS(read_events(bytes));
  }
}
