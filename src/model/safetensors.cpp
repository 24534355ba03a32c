// SPDX-License-Identifier: MIT
#include "lldm/model/safetensors.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "model/safetensors_dtype.hpp"
#include "storage/input_file.hpp"
#include "text/foreign.hpp"

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian");

namespace lldm {
namespace {

constexpr std::size_t kMaxChunkBytes = std::size_t{1}
                                       << 30;  // read and write take at most 2 GiB a call

void read_at(int descriptor, std::uint64_t offset, void* destination, std::size_t bytes,
             const std::string& where) {
  auto* out = static_cast<char*>(destination);
  while (bytes > 0) {
    const auto got =
        ::pread(descriptor, out, std::min(bytes, kMaxChunkBytes), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw DataError(message(where, ": cannot be read: ", std::strerror(errno)));
    if (got == 0)
      throw DataError(message(where, ": ended early; was it changed while being read?"));
    out += got, offset += static_cast<std::uint64_t>(got), bytes -= static_cast<std::size_t>(got);
  }
}

/// What claims an impossible header is often no safetensors file at all.
void refuse_foreign(int descriptor, std::uint64_t file_bytes, const std::string& where) {
  std::string begin(std::min<std::uint64_t>(file_bytes, 512), '\0');
  read_at(descriptor, 0, begin.data(), begin.size(), where);
  if (const std::string foreign = foreign_format(begin); !foreign.empty())
    throw DataError(message(where, ": ", foreign));
}

void check_bools(const at::Tensor& tensor, const std::string& name, const std::string& where) {
  const auto* bytes = static_cast<const unsigned char*>(tensor.const_data_ptr());
  const auto* end = bytes + tensor.numel();
  const auto* bad = std::find_if(bytes, end, [](unsigned char byte) { return byte > 1; });
  if (bad != end)
    throw DataError(message(where, ": tensor \"", name, "\": element ", bad - bytes,
                            " of a BOOL is ", static_cast<int>(*bad), ", must be 0 or 1"));
}

struct Outgoing {
  std::string name;
  const SafetensorsDtype* dtype;
  at::Tensor value;  // contiguous, on the CPU
};

std::vector<Outgoing> in_writing_order(const TensorMap& tensors, const std::string& where) {
  std::vector<Outgoing> order;
  for (const auto& [name, value] : tensors) {
    const auto* dtype = value.defined() ? find_safetensors_dtype(value.scalar_type()) : nullptr;
    if (!dtype || value.dim() > static_cast<std::int64_t>(kMaxTensorRank) ||
        name == "__metadata__" || name.size() > kMaxTensorNameBytes ||
        name.find('\0') != std::string::npos)
      throw DataError(message(where, ": tensor \"", name, "\" cannot be stored\n  ",
                              "dtypes: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL; rank at most ",
                              kMaxTensorRank, "; name at most ", kMaxTensorNameBytes,
                              " bytes, no NUL"));
    order.push_back({name, dtype, value.detach().to(at::kCPU).contiguous()});
  }
  std::ranges::stable_sort(order, [](const Outgoing& a, const Outgoing& b) {
    return a.dtype->order > b.dtype->order;  // within a dtype, the map's order: by name
  });
  return order;
}

std::string header_text(const std::vector<Outgoing>& order,
                        const std::map<std::string, std::string>& metadata,
                        const std::string& where) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& item : order) {
    const std::uint64_t end = offset + item.value.nbytes();
    header[item.name] = {{"dtype", item.dtype->name},
                         {"shape", item.value.sizes().vec()},
                         {"data_offsets", {offset, end}}};
    offset = end;
  }
  try {
    std::string text = header.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  } catch (const nlohmann::json::exception& error) {
    throw DataError(message(where, ": a name or metadata text is not UTF-8\n  ", error.what()));
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, WeightReading reading)
    : path_(path), reading_(reading) {
  InputFile file(path);
  const int descriptor = file.descriptor();
  const std::uint64_t file_bytes = file.size();
  std::string prefix(std::min<std::uint64_t>(file_bytes, 8), '\0');
  read_at(descriptor, 0, prefix.data(), prefix.size(), path.string());
  std::uint64_t length = 0;
  if (prefix.size() == 8) std::memcpy(&length, prefix.data(), sizeof length);
  if (length <= kMaxSafetensorsHeaderBytes && file_bytes >= 8 && length <= file_bytes - 8) {
    prefix.resize(8 + length);
    read_at(descriptor, 8, prefix.data() + 8, length, path.string());
  } else {
    refuse_foreign(descriptor, file_bytes, path.string());
  }
  header_ = parse_safetensors_header(prefix, file_bytes, path.string());
  descriptor_ = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (descriptor_ < 0) throw Error(message(path.string(), ": ", std::strerror(errno)));
}

SafetensorsFile::SafetensorsFile(SafetensorsFile&& other) noexcept
    : path_(std::move(other.path_)),
      reading_(other.reading_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      header_(std::move(other.header_)) {}

SafetensorsFile::~SafetensorsFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

at::Tensor SafetensorsFile::map(const TensorEntry& entry, at::ScalarType type) const {
  const std::uint64_t begin = header_.data_start + entry.begin,
                      end = header_.data_start + entry.end;
  struct stat status = {};
  if (::fstat(descriptor_, &status) != 0)
    throw DataError(message(path_.string(), ": ", std::strerror(errno)));
  if (static_cast<std::uint64_t>(status.st_size) < end)
    throw DataError(message(path_.string(), ": ended early; was it changed while being read?"));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t start = begin / page * page;
  const auto bytes = static_cast<std::size_t>(end - start);
  void* pages =
      ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, descriptor_, static_cast<off_t>(start));
  if (pages == MAP_FAILED)
    throw DataError(message(path_.string(), ": cannot be mapped: ", std::strerror(errno)));
  static_cast<void>(::madvise(pages, bytes, MADV_SEQUENTIAL));
  return at::from_blob(
      static_cast<char*>(pages) + (begin - start), entry.shape,
      [pages, bytes](void*) { ::munmap(pages, bytes); }, at::TensorOptions(type));
}

SafetensorsFile::Known SafetensorsFile::known(const std::string& name) const {
  const auto found = header_.tensors.find(name);
  if (found == header_.tensors.end())
    throw DataError(message(path_.string(), ": has no tensor \"", name, "\""));
  const auto& entry = found->second;
  const auto type = find_safetensors_dtype(entry.dtype)->type;
  if (!type)
    throw DataError(message(path_.string(), ": tensor \"", name, "\" has dtype ", entry.dtype,
                            "\n  readable: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL"));
  std::int64_t strides = 1;  // an empty tensor's other sizes may be anything
  for (const auto size : entry.shape)
    if (__builtin_mul_overflow(strides, std::max<std::int64_t>(size, 1), &strides))
      throw DataError(message(path_.string(), ": tensor \"", name,
                              "\" is empty, and its sizes are "
                              "too large to be held"));
  const bool is_mapped = reading_ == WeightReading::mapped && entry.end > entry.begin &&
                         (header_.data_start + entry.begin) % c10::elementSize(*type) == 0;
  return {entry, *type, is_mapped};
}

at::Tensor SafetensorsFile::read(const std::string& name) const {
  const auto& [entry, type, is_mapped] = known(name);
  at::Tensor tensor;
  if (is_mapped) {
    tensor = map(entry, type);
  } else {
    tensor = at::empty(entry.shape, at::TensorOptions(type));
    read_at(descriptor_, header_.data_start + entry.begin, tensor.mutable_data_ptr(),
            entry.end - entry.begin, path_.string());
  }
  if (type == c10::kBool) check_bools(tensor, name, path_.string());
  return tensor;
}

void SafetensorsFile::read_pieces(
    const std::string& name,
    const std::function<void(std::int64_t, const at::Tensor&)>& use) const {
  const auto& [entry, type, is_mapped] = known(name);
  if (is_mapped) return use(0, read(name).view(-1));
  const auto size = static_cast<std::int64_t>(c10::elementSize(type));
  const std::int64_t count = static_cast<std::int64_t>(entry.end - entry.begin) / size;
  const auto buffer =
      at::empty({std::min(count, kTensorPieceBytes / size)}, at::TensorOptions(type));
  for (std::int64_t first = 0; first < count; first += buffer.numel()) {
    const auto piece = buffer.narrow(0, 0, std::min(buffer.numel(), count - first));
    read_at(descriptor_,
            header_.data_start + entry.begin + static_cast<std::uint64_t>(first * size),
            piece.mutable_data_ptr(), piece.nbytes(), path_.string());
    if (type == c10::kBool) check_bools(piece, name, path_.string());
    use(first, piece);
  }
}

TensorMap load_safetensors(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  TensorMap tensors;
  for (const auto& item : file.header().tensors) tensors.emplace(item.first, file.read(item.first));
  return tensors;
}

void save_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  const auto order = in_writing_order(tensors, path.string());
  const auto header = header_text(order, metadata, path.string());
  const std::uint64_t length = header.size();
  const auto bytes = [](const void* data, std::size_t size) {
    return std::string_view(static_cast<const char*>(data), size);
  };
  PendingFile file(path);
  file.write(bytes(&length, sizeof length));
  file.write(header);
  for (const auto& item : order)
    file.write(bytes(item.value.const_data_ptr(), item.value.nbytes()));
  file.publish();
}

}  // namespace lldm
