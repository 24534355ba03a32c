// SPDX-License-Identifier: MIT
#include "model/hashed_weights.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>

#include "lldm/errors.hpp"
#include "lldm/storage/sha256.hpp"
#include "storage/input_file.hpp"

namespace lldm {
namespace fs = std::filesystem;
namespace {

/// The length field and the header: what lies before the tensors.
std::string prefix_of(const SafetensorsFile& file, const fs::path& path) {
  std::string prefix(file.header().data_start, '\0');
  std::ifstream in = open_input(path);
  if (!in.read(prefix.data(), static_cast<std::streamsize>(prefix.size())))
    throw DataError(message(path.string(), ": cannot be read"));
  return prefix;
}

bool is_weights(const std::string& name) { return name.ends_with(".safetensors"); }

/// Whether lldm, or another reader of such folders, takes a file of this name for a part of a
/// model.
bool is_model_part(const fs::path& name) {
  static const std::array<std::string_view, 4> kinds = {".safetensors", ".json", ".toml", ".jinja"};
  return name.string().front() != '.' &&
         std::find(kinds.begin(), kinds.end(), name.extension().string()) != kinds.end();
}

/// A number is not finite exactly if every bit of its exponent is set.
template <class Bits>
std::int64_t count_non_finite(const void* data, std::int64_t count, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(data);
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < count; ++i) found += (bits[i] & exponent) == exponent;
  return found;
}

}  // namespace

void read_sealed_weights(const SafetensorsFile& file, const fs::path& path,
                         const SealedFolder& sealed, const std::string& name,
                         const WeightUse& use) {
  std::vector<std::pair<std::uint64_t, std::string>> order;
  for (const auto& [tensor, entry] : file.header().tensors) order.emplace_back(entry.begin, tensor);
  std::sort(order.begin(), order.end());
  const bool is_listed = sealed.files().contains(name);
  Sha256 hash;
  std::uint64_t bytes = file.header().data_start;
  if (is_listed) hash.update(prefix_of(file, path));
  for (const auto& [begin, tensor] : order) {
    const auto take = [&](std::int64_t first, const at::Tensor& values) {
      if (is_listed) hash.update(values.const_data_ptr(), values.nbytes());
      bytes += values.nbytes();
      if (finite_problem(values))
        throw DataError(message(path.string(), ": tensor \"", tensor,
                                "\": ", finite_problem(file.read(tensor)).value_or("was changed")));
      use.take(tensor, first, values);
    };
    if (use.wants_whole(tensor))
      take(0, file.read(tensor));
    else
      file.read_pieces(tensor, take);
  }
  if (is_listed) sealed.require(name, bytes, hash.hex());
}

SealedFolder checked_model_folder(const fs::path& folder) {
  SealedFolder sealed(folder);
  sealed.check([](const std::string& name) { return !is_weights(name); });
  if (!sealed.has_manifest()) return sealed;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename().string();
    if (name == kManifestName || sealed.files().contains(name) || !is_model_part(name)) continue;
    throw DataError(message(folder.string(), ": ", name, " was not there when it was written\n  ",
                            kManifestName, " does not list it; remove it"));
  }
  return sealed;
}

std::optional<std::string> finite_problem(const at::Tensor& values) {
  const at::Tensor held = values.detach().to(at::kCPU).contiguous();
  const auto count = held.numel();
  const void* data = held.const_data_ptr();
  std::int64_t bad = 0;
  if (held.scalar_type() == at::kFloat)
    bad = count_non_finite<std::uint32_t>(data, count, 0x7f800000U);
  else if (held.scalar_type() == at::kDouble)
    bad = count_non_finite<std::uint64_t>(data, count, 0x7ff0000000000000ULL);
  else if (held.scalar_type() == at::kHalf)
    bad = count_non_finite<std::uint16_t>(data, count, std::uint16_t{0x7c00});
  else if (held.scalar_type() == at::kBFloat16)
    bad = count_non_finite<std::uint16_t>(data, count, std::uint16_t{0x7f80});
  if (bad == 0) return std::nullopt;
  return message(bad, " of ", count, " numbers are not finite");
}

void require_finite(const std::vector<NamedParameter>& tensors, const std::string& what) {
  constexpr int kMostListed = 5;
  std::string text;
  int bad = 0;
  for (const NamedParameter& tensor : tensors)
    if (const auto problem = finite_problem(tensor.value); problem && bad++ < kMostListed)
      text += message("\n  \"", tensor.name, "\": ", *problem);
  if (bad > kMostListed) text += message("\n  and ", bad - kMostListed, " more tensors");
  if (bad > 0) throw Error(message(what, text));
}

}  // namespace lldm
