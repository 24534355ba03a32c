// SPDX-License-Identifier: MIT
#include "lldm/track/progress.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include "lldm/text/utf8.hpp"
#include "support/catch.hpp"

using lldm::OutputKind;
using lldm::ProgressLine;
using lldm::ProgressState;

namespace {

ProgressState half_way() {
  return {"sft", 420, 1000, "steps", 12.34, {{"loss", 1.23456}, {"acc", 0.5}}};
}

}  // namespace

TEST_CASE("progress_text says percent, counts, time left, rate and metrics", "[track][progress]") {
  CHECK(lldm::progress_text(half_way(), 100) ==
        "sft   42 %  420/1000 steps  0:47 left  12.3 steps/s  loss 1.235  acc 0.5");
  auto slow = half_way();
  slow.units_per_second = 0.05;
  CHECK(lldm::progress_text(slow, 100) ==
        "sft   42 %  420/1000 steps  3:13:20 left  20.0 s/step  loss 1.235  acc 0.5");
}

TEST_CASE("progress_text leaves out what is not known", "[track][progress]") {
  CHECK(lldm::progress_text({"data", 7, 0, "rows", 0, {}}, 100) == "data  7 rows");
  CHECK(lldm::progress_text({"data", 7, 0, "rows", 1000, {}}, 100) == "data  7 rows  1000 rows/s");
  CHECK(lldm::progress_text({"data", 0, 10, "rows", 0, {}}, 100) == "data    0 %  0/10 rows");
}

TEST_CASE("progress_text shows 100 % only at the end", "[track][progress]") {
  CHECK(lldm::progress_text({"x", 999, 1000, "steps", 0, {}}, 100) == "x   99 %  999/1000 steps");
  CHECK(lldm::progress_text({"x", 1000, 1000, "steps", 5, {}}, 100) ==
        "x  100 %  1000/1000 steps  5.0 steps/s");
}

TEST_CASE("progress_text never exceeds its width and drops metrics whole", "[track][progress]") {
  for (int width = 1; width < 90; ++width)
    CHECK(lldm::progress_text(half_way(), width).size() <= static_cast<std::size_t>(width));
  CHECK(lldm::progress_text(half_way(), 70) ==
        "sft   42 %  420/1000 steps  0:47 left  12.3 steps/s  loss 1.235");
  CHECK(lldm::progress_text(half_way(), 40) == "sft   42 %  420/1000 steps  0:47 left");
}

TEST_CASE("duration_text reads like a clock", "[track][progress]") {
  CHECK(lldm::duration_text(-1) == "0:00");
  CHECK(lldm::duration_text(7.4) == "0:07");
  CHECK(lldm::duration_text(725) == "12:05");
  CHECK(lldm::duration_text(3600 * 3 + 65) == "3:01:05");
  CHECK(lldm::duration_text(86400 * 2 + 3600 * 3) == "2 d 3 h");
  CHECK(lldm::duration_text(std::numeric_limits<double>::infinity()) == "?");
}

TEST_CASE("ProgressLine is silent for work of at most two seconds", "[track][progress]") {
  for (const auto kind : {OutputKind::terminal, OutputKind::pipe}) {
    std::ostringstream out;
    double now = 0;
    {
      ProgressLine line(out, kind, {"x", 0, 10, "steps", 0, {}}, 80, [&] { return now; });
      for (int i = 1; i <= 10; ++i) now = 0.19 * i, line.update(i);
      line.clear();
    }
    CHECK(out.str().empty());
  }
}

TEST_CASE("ProgressLine rewrites one line of a terminal at most ten times a second",
          "[track][progress]") {
  std::ostringstream out;
  double now = 0;
  {
    ProgressLine line(out, OutputKind::terminal, {"x", 100, 1100, "steps", 0, {}}, 80,
                      [&] { return now; });
    for (int i = 1; i <= 1000; ++i) now = 0.005 * i, line.update(100 + i);
  }
  const auto text = out.str();
  const auto shown = std::count(text.begin(), text.end(), '\r');
  CHECK(shown >= 25);
  CHECK(shown <= 33);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  CHECK(text.back() == '\n');
  // The 100 steps of before the resume do not count for the rate.
  CHECK(text.find("x  100 %  1100/1100 steps  200 steps/s\x1b[K\n") != text.npos);
}

TEST_CASE("ProgressLine makes room for other output", "[track][progress]") {
  std::ostringstream out;
  double now = 0;
  ProgressLine line(out, OutputKind::terminal, {"x", 0, 10, "steps", 0, {}}, 80,
                    [&] { return now; });
  now = 3, line.update(1);
  line.clear();
  CHECK(out.str().ends_with("\r\x1b[K"));
  const auto size = out.str().size();
  line.clear();
  CHECK(out.str().size() == size);
}

TEST_CASE("ProgressLine writes plain lines to a pipe, at most one in ten seconds",
          "[track][progress]") {
  std::ostringstream out;
  double now = 0;
  {
    ProgressLine line(out, OutputKind::pipe, {"x", 0, 350, "steps", 0, {}}, 80,
                      [&] { return now; });
    for (int i = 1; i <= 350; ++i) now = 0.1 * i, line.update(i, {{"loss", 2}});
  }
  CHECK(out.str() ==
        "x   28 %  100/350 steps  0:25 left  10.0 steps/s  loss 2\n"
        "x   57 %  200/350 steps  0:15 left  10.0 steps/s  loss 2\n"
        "x   85 %  300/350 steps  0:05 left  10.0 steps/s  loss 2\n"
        "x  100 %  350/350 steps  10.0 steps/s  loss 2\n");
}

TEST_CASE("progress_text cuts between characters", "[track][progress]") {
  const lldm::ProgressState state{"ééé", 1, 0, "rows", 0, {}};  // two bytes each
  for (int width = 1; width < 8; ++width)
    CHECK_FALSE(lldm::find_invalid_utf8(lldm::progress_text(state, width)));
}
