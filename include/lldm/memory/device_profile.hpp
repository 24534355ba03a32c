// SPDX-License-Identifier: MIT
// How fast a device is and how much it holds: what a plan goes by, stored in a file.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "lldm/config/field.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// Rates of matrix products, in TFLOP/s.
struct ProductRates {
  double float32 = 0;
  double bfloat16 = 0;
  double mkl_float32 = 0;
  double onednn_float32 = 0;
  static constexpr auto describe() {
    using P = ProductRates;
    return std::tuple{
        field("float32", &P::float32, "Of float32, by the fastest library.")
            .required()
            .above(0)
            .unit("TFLOP/s"),
        field("bfloat16", &P::bfloat16, "Of bfloat16 with float32 sums.")
            .required()
            .above(0)
            .unit("TFLOP/s"),
        field("mkl_float32", &P::mkl_float32, "Of float32 by MKL; 0: not measured.")
            .at_least(0)
            .unit("TFLOP/s"),
        field("onednn_float32", &P::onednn_float32, "Of float32 by oneDNN; 0: not measured.")
            .at_least(0)
            .unit("TFLOP/s")};
  }
};

/// By the number of terms of a product's sums.
struct ProfileProducts {
  ProductRates large = {};
  ProductRates medium = {};
  ProductRates small = {};
  static constexpr auto describe() {
    using P = ProfileProducts;
    return std::tuple{field("large", &P::large, "Models of width 1536 and more.").required(),
                      field("medium", &P::medium, "Of width 256 to 1535.").required(),
                      field("small", &P::small, "Of width below 256.").required()};
  }
};

struct ProfileMemory {
  ByteSize total;
  ByteSize context;
  static constexpr auto describe() {
    using P = ProfileMemory;
    return std::tuple{
        field("total", &P::total, "What the device holds.").required(),
        field("context", &P::context, "Of it, what the driver and the libraries take.")};
  }
};

struct ProfileRates {
  double attention_float32 = 0;
  double attention_bfloat16 = 0;
  double bandwidth = 0;
  double rows = 0;
  double decoding_int8 = 0;
  double decoding_nf4 = 0;
  double transfer = 0;
  double call = 0;
  static constexpr auto describe() {
    using P = ProfileRates;
    return std::tuple{
        field("attention_float32", &P::attention_float32, "Attention in float32.")
            .required()
            .above(0)
            .unit("TFLOP/s"),
        field("attention_bfloat16", &P::attention_bfloat16, "Attention in bfloat16.")
            .required()
            .above(0)
            .unit("TFLOP/s"),
        field("bandwidth", &P::bandwidth, "Of memory, read and written.")
            .required()
            .above(0)
            .unit("GB/s"),
        field("rows", &P::rows,
              "Of norms and activations, which compute beside what they read and write; 0: as "
              "bandwidth.")
            .at_least(0)
            .unit("GB/s"),
        field("decoding_int8", &P::decoding_int8, "Weights decoded from int8.")
            .required()
            .above(0)
            .unit("10^9/s"),
        field("decoding_nf4", &P::decoding_nf4, "Weights decoded from NF4.")
            .required()
            .above(0)
            .unit("10^9/s"),
        field("transfer", &P::transfer, "From and to the host.").required().above(0).unit("GB/s"),
        field("call", &P::call, "What one operation costs beside its work.")
            .at_least(0)
            .unit("microseconds")};
  }
};

struct DeviceProfile {
  std::string name;
  std::string kind = "cpu";
  std::string source;
  ProfileMemory memory = {};
  ProfileProducts products = {};
  ProfileRates rates = {};
  static constexpr auto describe() {
    using P = DeviceProfile;
    return std::tuple{field("name", &P::name, "What the device is called.").required(),
                      field("kind", &P::kind, "cpu or cuda."),
                      field("source", &P::source, "Where the numbers are from.").required(),
                      field("memory", &P::memory, "How much it holds.").required(),
                      field("products", &P::products, "Rates of matrix products.").required(),
                      field("rates", &P::rates, "Other rates.").required()};
  }
  void check(config::OptionsCheck& check) const;

  /// What a run may hold there.
  [[nodiscard]] ByteSize room() const {
    return {std::max<std::int64_t>(1, memory.total.bytes - memory.context.bytes)};
  }
  /// What tensors may hold of a budget (0: none is set): on a GPU, driver and libraries are part of
  /// it, and without one of the card; on a CPU it is the budget.
  [[nodiscard]] ByteSize usable(ByteSize budget) const {
    if (kind == "cpu") return budget;
    const std::int64_t all =
        budget.bytes > 0 ? std::min(budget.bytes, memory.total.bytes) : memory.total.bytes;
    return {std::max<std::int64_t>(1, all - memory.context.bytes)};
  }
};
static_assert(OptionsStruct<DeviceProfile>);

/// The names of the profiles that come with lldm.
[[nodiscard]] std::vector<std::string> profile_names();

/// A profile by its name, or a file of one.
/// Errors  ConfigError naming the nearest profile, or every mistake of the file.
[[nodiscard]] DeviceProfile find_profile(const std::string& name_or_path);

/// As a file holds it.
[[nodiscard]] std::string profile_text(const DeviceProfile& profile);

}  // namespace lldm
