// SPDX-License-Identifier: MIT
// TensorBoard event files, written without protobuf.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lldm/storage/files.hpp"
#include "lldm/track/metrics.hpp"

namespace lldm {

/// CRC-32C (Castagnoli) of `bytes`: "123456789" gives 0xE3069283.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);
/// TFRecord's mask of it: rotated right by 15, plus 0xA282EAD8.
[[nodiscard]] std::uint32_t masked_crc32c(std::string_view bytes);

/// One record: u64 length, u32 masked CRC of the length, data, u32 masked CRC of the data;
/// little-endian.
[[nodiscard]] std::string tfrecord(std::string_view data);

/// A setting for TensorBoard's HPARAMS page.
using HyperParameter = std::pair<std::string, std::variant<double, bool, std::string>>;

/// Writes one event file into a folder (one folder per stage; TensorBoard shows each as a run).
///
/// Every writer makes a new file whose name sorts behind all files there, as TensorBoard wants it;
/// a resumed stage gives `resume_step`, and TensorBoard then hides what older files hold at that
/// step and later.  Records are in the file when the call returns.
///
/// Errors  FileError.
/// Source  tensorflow/tensorboard: summary/writer/record_writer.py, compat/proto/event.proto,
///         summary.proto, plugins/text, plugins/hparams.
/// Tests   unit/track/tensorboard_test.cpp, golden/tensorboard_test.cpp
class TensorBoardWriter {
 public:
  explicit TensorBoardWriter(const std::filesystem::path& folder,
                             std::optional<std::int64_t> resume_step = {},
                             FileOps& ops = real_file_ops(), WallClock clock = system_wall_time);

  /// TensorBoard keeps scalars as float32.
  void scalar(std::string_view tag, std::int64_t step, double value);
  void scalars(std::int64_t step, const std::vector<Metric>& values);
  /// Markdown on the TEXT page.
  void text(std::string_view tag, std::int64_t step, std::string_view markdown);
  /// Settings of this run and the names of the scalars that its HPARAMS row shows.  Once per run.
  void hyper_parameters(const std::vector<HyperParameter>& settings,
                        const std::vector<std::string>& metric_tags);

  const std::filesystem::path& path() const { return path_; }

 private:
  void write(const std::string& event);

  std::filesystem::path path_;
  WallClock clock_;
  std::unique_ptr<OutputFile> file_;
};

}  // namespace lldm
