// SPDX-License-Identifier: MIT
// Tensors on disk in the safetensors format: read with every check of the reference reader, written
// complete or not at all.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lldm/model/weight_reading.hpp"

namespace lldm {

using TensorMap = std::map<std::string, at::Tensor>;

/// What a file may ask of us before a byte of tensor data is read.
inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;
inline constexpr std::size_t kMaxSafetensorsTensors = 1'000'000;
inline constexpr std::size_t kMaxTensorRank = 8;
inline constexpr std::size_t kMaxTensorNameBytes = 512;
/// Of a tensor that is read a piece at a time: small beside any model, and few reads.
inline constexpr std::int64_t kTensorPieceBytes = std::int64_t{256} << 10;

/// One tensor as the header describes it.
struct TensorEntry {
  std::string dtype;                // "F32", "BF16", ...: the format's own names
  std::vector<std::int64_t> shape;  // empty for a scalar
  std::uint64_t begin = 0;          // byte range within the data part, [begin, end)
  std::uint64_t end = 0;
};

/// A checked header.
struct SafetensorsHeader {
  std::map<std::string, TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
  std::uint64_t data_start = 0;  // 8 + header length
};

/// Checks a header by the rules of the reference reader: first tensor at 0, no hole, no overlap,
/// sizes that follow from dtype and shape without overflow, and data that ends where the file ends.
/// `prefix` is the start of the file (8 bytes and the header), `file_bytes` the size of the whole
/// file.
///
/// Errors  DataError whose text names the reference reader's error: HeaderTooSmall, HeaderTooLarge,
///         InvalidHeaderLength, InvalidHeader, InvalidHeaderDeserialization, InvalidOffset,
///         TensorInvalidInfo, ValidationOverflow, MisalignedSlice, MetadataIncompleteBuffer.
/// Source  huggingface/safetensors, safetensors/src/tensor.rs.
SafetensorsHeader parse_safetensors_header(std::string_view prefix, std::uint64_t file_bytes,
                                           const std::string& where);

/// An open file with a checked header.  Tensors are read with pread into memory of their own: a
/// file that another process truncates gives an error, not a bus error.  Mapped ones are pages of
/// the file, read only, and gone with the tensor: no second copy exists, and what is resident is
/// the tensor that is looked at.  A file that is shorter than it was when it was opened is an error
/// here too; one that is cut while a mapped tensor is read ends the program (SIGBUS).
class SafetensorsFile {
 public:
  /// Errors  DataError if the file is missing, not a regular file, or its header is wrong.
  explicit SafetensorsFile(const std::filesystem::path& path,
                           WeightReading reading = WeightReading::read);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) = delete;

  [[nodiscard]] const SafetensorsHeader& header() const { return header_; }
  /// One tensor, on the CPU, in the file's dtype (F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL).
  /// Errors  DataError if there is no such tensor, its dtype is another one, or the read falls
  ///         short.
  [[nodiscard]] at::Tensor read(const std::string& name) const;
  /// The same through one buffer of at most kTensorPieceBytes: use(first, numbers [n]), of the flat
  /// tensor those from `first` on.  A mapped tensor is one piece.
  void read_pieces(const std::string& name,
                   const std::function<void(std::int64_t, const at::Tensor&)>& use) const;

 private:
  struct Known {
    const TensorEntry& entry;
    at::ScalarType type;
    bool is_mapped;
  };
  [[nodiscard]] Known known(const std::string& name) const;
  [[nodiscard]] at::Tensor map(const TensorEntry& entry, at::ScalarType type) const;

  std::filesystem::path path_;
  WeightReading reading_ = WeightReading::read;
  int descriptor_ = -1;
  SafetensorsHeader header_;
};

/// Every tensor of a file.
/// Errors  as SafetensorsFile.
TensorMap load_safetensors(const std::filesystem::path& path);

/// Writes `tensors` in the reference writer's order (descending dtype, then name), byte for byte
/// what it would write: to a temporary name beside `path`, fsync, rename, fsync of the folder.
///
/// Errors  DataError for a dtype, rank or name the format or our reader refuses; Error if the
///         system cannot write; the temporary file is removed, an older `path` stays as it was.
void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace lldm
