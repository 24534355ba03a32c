// SPDX-License-Identifier: MIT
// What a GPU computes by other means than the host: a sampler's noise, nf4 and 8-bit AdamW by
// bitsandbytes, where it is there.
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <numeric>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/matrix.hpp"
#include "model/quantized/by_operations.hpp"
#include "model/quantized/nf4_on_device.hpp"
#include "sampler/device_choice.hpp"
#include "sampler/device_uniforms.hpp"
#include "train/adamw_8bit_by_bitsandbytes.hpp"
#include "train/update_by_operations.hpp"

namespace lldm::gpu_check {
namespace {

void check_noise(const Bench& bench, Report& report) {
  const std::int64_t rows = 16, width = bench.is_small ? 1001 : 126464;
  const Draws draws(5, "gpu_check");
  std::vector<StreamPlace> places;
  const at::Tensor host = at::full({rows, width}, 0.0, at::kDouble);
  for (std::int64_t row = 0; row < rows; ++row) {
    Stream stream = draws.stream(Purpose::sampling, 0, static_cast<std::uint64_t>(row) << 40);
    places.push_back(place_of(stream));
    double* to = host.mutable_data_ptr<double>() + row * width;
    for (std::int64_t v = 0; v < width; ++v) to[v] = stream.uniform_open();
  }
  const at::Tensor made = uniforms_on(bench.at(), places, width);
  report.require("uniforms of the host's streams, bit by bit", same_bits(made, host));
  // At a temperature: the token that the host chooses, of every row.
  const TokenChoice choice{.temperature = 0.7, .never_chosen = {3}, .discounted = {}};
  const at::Tensor logits = at::randn({rows, width}, at::kDouble);
  const auto there =
      chosen_rows(choose_on_device(choice, logits.to(bench.at()), made, CandidateStatistics::none)
                      .to(at::kCPU)
                      .contiguous());
  int other = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto of = [&](const at::Tensor& matrix) {
      return std::span(matrix.mutable_data_ptr<double>() + row * width,
                       static_cast<std::size_t>(width));
    };
    const Candidate here = choice.choose(of(logits), of(host), CandidateStatistics::none);
    other += here.token == there[static_cast<std::size_t>(row)].candidate.token ? 0 : 1;
  }
  report.require("tokens at a temperature are the host's", other == 0, {{"others", other}});
  report.measure(
      "noise of a chunk of logits",
      {{"seconds", bench.seconds(5, [&] { (void)uniforms_on(bench.at(), places, width); })},
       {"numbers", rows * width}});
}

/// Seconds of every way to decode a matrix of the 8B shape.
void compare_decoders(const Bench& bench, Report& report, const memory::Bitsandbytes* library) {
  const std::int64_t rows = 4096, columns = 4096;
  const auto matrix = Matrix::zeros(rows, columns, WeightStorage::nf4, at::kFloat, bench.at());
  matrix.assign(at::randn({rows, columns}));
  const auto parts = matrix.parts();
  const Nf4Codes codes{parts[0].second, parts[1].second, parts[2].second};
  void* stream = bench.cuda->current_stream();
  const auto measured = [&](const Nf4Decode& decode) {
    return bench.seconds(5, [&] { (void)decode(codes, 0, rows * columns, at::kBFloat16); });
  };
  Json seconds = {{"values", rows * columns}};
  const Nf4Decode kernel = [&](const Nf4Codes& all, std::int64_t begin, std::int64_t end,
                               at::ScalarType dtype) {
    return nf4_by_kernel(bench.cuda->kernels, stream, all, begin, end, dtype);
  };
  const std::string wrong = nf4_trial(bench.at(), kernel);
  report.require("nf4 by our kernel has the host's bits", wrong.empty(), {{"why", wrong}});
  seconds["kernel_seconds"] = measured(kernel);
  seconds["operations_seconds"] =
      measured([](const Nf4Codes& all, std::int64_t begin, std::int64_t end, at::ScalarType dtype) {
        return nf4_by_operations(all.bytes, all.scales, all.nested, begin, end).to(dtype);
      });
  if (library != nullptr) {
    const Nf4Decode by_library = [&](const Nf4Codes& all, std::int64_t begin, std::int64_t end,
                                     at::ScalarType dtype) {
      return nf4_by_bitsandbytes(*library, stream, all, begin, end, dtype);
    };
    const std::string why = nf4_trial(bench.at(), by_library);
    report.require("nf4 by bitsandbytes has the host's bits", why.empty(), {{"why", why}});
    seconds["bitsandbytes_seconds"] = measured(by_library);
  }
  (void)matrix.dequantized(at::kBFloat16);
  seconds["used"] = nf4_decoder_text();
  report.measure("decoding of nf4 into bfloat16", seconds);
}

void compare_adamw_8bit(const Bench& bench, Report& report, const memory::Bitsandbytes& library) {
  const std::string why = adamw_8bit_trial(library, bench.at());
  report.require("8-bit AdamW by bitsandbytes is the host's", why.empty(), {{"why", why}});
  const std::int64_t count = std::int64_t{1} << 24;
  const auto zeros = [&](std::int64_t numbers, at::ScalarType dtype) {
    return at::zeros({numbers}, at::TensorOptions(dtype).device(bench.at()));
  };
  const DynamicMap first(bench.at(), true), second(bench.at(), false);
  const auto numbers = [&] {
    return at::randn({count}, at::TensorOptions(at::kFloat).device(bench.at()));
  };
  const AdamW8BitStep step{{},
                           1e-3,
                           1,
                           1,
                           false,
                           numbers(),
                           numbers(),
                           zeros(count, at::kByte),
                           zeros(count, at::kByte),
                           zeros(count / 256, at::kFloat),
                           zeros(count / 256, at::kFloat),
                           first.values,
                           second.values};
  report.measure("a step of 8-bit AdamW",
                 {{"bitsandbytes_seconds",
                   bench.seconds(5, [&] { adamw_8bit_by_bitsandbytes(library, step); })},
                  {"weights", count}});
}

}  // namespace

void check_libraries(const Bench& bench, Report& report) {
  report.attempt("noise", [&] { check_noise(bench, report); });
  if (bench.cuda == nullptr) {
    report.skip("nf4 and 8-bit AdamW by bitsandbytes and our kernel",
                "they need a GPU; unit_cuda holds their calls to a library on the host's memory");
    return;
  }
  const memory::Bitsandbytes* library = memory::bitsandbytes();
  report.measure("bitsandbytes", {{"library", memory::bitsandbytes_text()}});
  report.attempt("decoders of nf4", [&] { compare_decoders(bench, report, library); });
  if (library == nullptr)
    report.skip("8-bit AdamW by bitsandbytes", memory::bitsandbytes_text());
  else
    report.attempt("8-bit AdamW", [&] { compare_adamw_8bit(bench, report, *library); });
}

}  // namespace lldm::gpu_check
