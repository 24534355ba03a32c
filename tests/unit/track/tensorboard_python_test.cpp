// SPDX-License-Identifier: MIT
// Our event files in the eyes of TensorBoard itself; skipped, aloud, where python has none
// ($LLDM_PYTHON chooses).
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/track/tensorboard.hpp"
#include "support/catch.hpp"
#include "support/shell.hpp"
#include "support/temporary_folder.hpp"

using nlohmann::json;

TEST_CASE("TensorBoard reads scalars, text, settings and a resumed run", "[track][tensorboard]") {
  lldm::testing::TemporaryFolder folder;
  double now = 1700000000.25;
  const auto clock = [&] { return now; };
  {
    lldm::TensorBoardWriter writer(folder.path(), {}, lldm::real_file_ops(), clock);
    writer.hyper_parameters({{"beta", 0.25}, {"shared_draws", true}, {"objective", "dpo"}},
                            {"train/loss"});
    for (int step = 0; step < 6; ++step) writer.scalar("train/loss", step, 1.0 / (1 << step));
    writer.text("sample", 2, "**two** apples");
  }
  now += 60;
  {
    lldm::TensorBoardWriter writer(folder.path(), 4, lldm::real_file_ops(), clock);
    for (int step = 4; step < 6; ++step) writer.scalar("train/loss", step, -step);
  }
  const auto result = lldm::testing::run_shell(
      lldm::testing::python() + " '" LLDM_SOURCE_DIR "/tests/support/read_events.py' '" +
      folder.path().string() + "'");
  INFO(result.output);
  const bool is_skipped = result.output.starts_with("skipped:") || result.code == 127;
  if (is_skipped) {
    std::cout << (result.code == 127 ? "skipped: no python3\n" : result.output);
    return;
  }
  REQUIRE(result.code == 0);
  const auto found = json::parse(result.output.substr(result.output.rfind("{\"scalars\"")));
  CHECK(found.at("scalars") == json{{"train/loss",
                                     {{1700000000.25, 0, 1.0},
                                      {1700000000.25, 1, 0.5},
                                      {1700000000.25, 2, 0.25},
                                      {1700000000.25, 3, 0.125},
                                      {1700000060.25, 4, -4.0},
                                      {1700000060.25, 5, -5.0}}}});
  CHECK(found.at("texts") == json{{"sample/text_summary", {{2, "**two** apples"}}}});
  CHECK(found.at("settings") == json{{"beta", 0.25}, {"shared_draws", true}, {"objective", "dpo"}});
  CHECK(found.at("metrics") == json{"train/loss"});
}
