// SPDX-License-Identifier: MIT
#include "lldm/track/tensorboard.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdio>

#include "track/protobuf.hpp"

namespace lldm {
namespace {

namespace pb = protobuf;

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    table[i] = crc;
  }
  return table;
}

std::string host_name() {
  char name[256] = "localhost";
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// The time in a name "events.out.tfevents.<time>...", or -1.
std::int64_t time_in_name(const std::string& name) {
  constexpr std::string_view prefix = "events.out.tfevents.";
  std::int64_t time = -1;
  if (name.starts_with(prefix))
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), time);
  return time;
}

/// A name that sorts behind every event file in the folder, whatever the clock and the pid say.
std::filesystem::path next_file(const std::filesystem::path& folder, double now) {
  auto time = static_cast<std::int64_t>(now);
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    time = std::max(time, time_in_name(entry.path().filename().string()) + 1);
  char digits[24];
  std::snprintf(digits, sizeof digits, "%010lld", static_cast<long long>(time));
  return folder / message("events.out.tfevents.", digits, ".", host_name(), ".", ::getpid(), ".0");
}

/// Event{1 wall_time, 2 step, `content`}.
std::string event(double wall_time, std::int64_t step, const std::string& content) {
  return pb::float64(1, wall_time) + pb::integer(2, step) + content;
}

/// Event.summary{1 Value{`value`}}.
std::string summary(const std::string& value) { return pb::bytes(5, pb::bytes(1, value)); }

/// Value{1 tag, 9 SummaryMetadata{1 PluginData{1 plugin_name, 2 content}}}.
std::string plugin_value(std::string_view tag, std::string_view plugin, std::string_view content) {
  const auto data = pb::bytes(1, plugin) + (content.empty() ? "" : pb::bytes(2, content));
  return pb::bytes(1, tag) + pb::bytes(9, pb::bytes(1, data));
}

/// google.protobuf.Value{2 number, 3 string, 4 bool}.
std::string setting_value(const HyperParameter& setting) {
  if (const auto* number = std::get_if<double>(&setting.second)) return pb::float64(2, *number);
  if (const auto* flag = std::get_if<bool>(&setting.second)) return pb::integer(4, *flag);
  return pb::bytes(3, std::get<std::string>(setting.second));
}

/// DataType{1 string, 2 bool, 3 float64}.
int setting_type(const HyperParameter& setting) {
  return std::holds_alternative<double>(setting.second) ? 3
         : std::holds_alternative<bool>(setting.second) ? 2
                                                        : 1;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = crc_table();
  std::uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ crc >> 8;
  return ~crc;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u;
}

std::string tfrecord(std::string_view data) {
  const auto length = pb::little_endian(data.size(), 8);
  return length + pb::little_endian(masked_crc32c(length), 4) + std::string(data) +
         pb::little_endian(masked_crc32c(data), 4);
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder,
                                     std::optional<std::int64_t> resume_step, FileOps& ops,
                                     WallClock clock)
    : clock_(std::move(clock)) {
  make_folders(folder, ops);
  const double now = clock_();
  path_ = next_file(folder, now);
  file_ = std::make_unique<OutputFile>(ops, path_, WriteMode::create);
  write(pb::float64(1, now) + pb::bytes(3, "brain.Event:2"));  // file_version
  if (resume_step)
    write(event(now, *resume_step, pb::bytes(7, pb::integer(1, 1))));  // SessionLog{START}
}

void TensorBoardWriter::write(const std::string& event) { file_->write(tfrecord(event)); }

void TensorBoardWriter::scalar(std::string_view tag, std::int64_t step, double value) {
  write(event(clock_(), step,
              summary(pb::bytes(1, tag) + pb::float32(2, static_cast<float>(value)))));
}

void TensorBoardWriter::scalars(std::int64_t step, const std::vector<Metric>& values) {
  if (values.empty()) return;
  std::string content;
  for (const auto& [tag, value] : values)
    content += pb::bytes(1, pb::bytes(1, tag) + pb::float32(2, static_cast<float>(value)));
  write(event(clock_(), step, pb::bytes(5, content)));
}

void TensorBoardWriter::text(std::string_view tag, std::int64_t step, std::string_view markdown) {
  // TensorProto{1 dtype = DT_STRING, 2 shape{2 dim{1 size = 1}}, 8 string_val}
  const auto tensor =
      pb::integer(1, 7) + pb::bytes(2, pb::bytes(2, pb::integer(1, 1))) + pb::bytes(8, markdown);
  write(event(
      clock_(), step,
      summary(plugin_value(message(tag, "/text_summary"), "text", "") + pb::bytes(8, tensor))));
}

void TensorBoardWriter::hyper_parameters(const std::vector<HyperParameter>& settings,
                                         const std::vector<std::string>& metric_tags) {
  const double now = clock_();
  std::string experiment, start;
  for (const auto& setting : settings) {
    experiment += pb::bytes(4, pb::bytes(1, setting.first) + pb::integer(4, setting_type(setting)));
    start += pb::bytes(1, pb::bytes(1, setting.first) + pb::bytes(2, setting_value(setting)));
  }
  for (const auto& tag : metric_tags) experiment += pb::bytes(5, pb::bytes(1, pb::bytes(2, tag)));
  start += pb::float64(5, now);
  // HParamsPluginData{2 Experiment{4 hparam_infos, 5 metric_infos} | 3 SessionStartInfo{1 hparams,
  // 5 start}}
  write(event(now, 0,
              summary(plugin_value("_hparams_/experiment", "hparams", pb::bytes(2, experiment)))));
  write(
      event(now, 0,
            summary(plugin_value("_hparams_/session_start_info", "hparams", pb::bytes(3, start)))));
}

}  // namespace lldm
