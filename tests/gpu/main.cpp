// SPDX-License-Identifier: MIT
// gpu_check STEP --device D [--small]: one step; --list: the steps.  tools/gpu_check runs all of
// them, each in a process of its own.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <c10/util/Exception.h>

#include <iostream>
#include <limits>
#include <string_view>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/model/determinism.hpp"

namespace lldm::gpu_check {

void Report::write(const Json& line) { std::cout << line.dump() << std::endl; }

void Report::require(const std::string& name, bool is_right, Json more) {
  Json line = {{"check", name}, {"ok", is_right}};
  line.update(more);
  write(line);
  failed_ += is_right ? 0 : 1;
}

void Report::within(const std::string& name, double error, double bound, Json more) {
  Json line = {{"error", error}, {"bound", bound}};
  line.update(more);
  require(name, error <= bound, line);
}

void Report::measure(const std::string& name, Json values) {
  Json line = {{"measure", name}};
  line.update(values);
  write(line);
}

void Report::skip(const std::string& name, const std::string& why) {
  write({{"skipped", name}, {"why", why}});
}

void Report::attempt(const std::string& name, const std::function<void()>& work) {
  try {
    work();
  } catch (const c10::Error& error) {
    require(name, false, {{"error", error.what_without_backtrace()}});
  } catch (const std::exception& error) {
    require(name, false, {{"error", error.what()}});
  }
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  const auto mine = a.detach().to(at::kCPU, at::kDouble),
             wanted = b.detach().to(at::kCPU, at::kDouble);
  if (mine.sizes() != wanted.sizes()) return std::numeric_limits<double>::quiet_NaN();
  const double size = wanted.norm().item<double>(), error = mine.sub(wanted).norm().item<double>();
  return size > 0 ? error / size : error;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return at::equal(a.detach().to(at::kCPU), b.detach().to(at::kCPU));
}

const std::vector<Step>& steps() {
  static const std::vector<Step> all = {
      {"environment", "versions, loading, the first product", 60, &check_environment},
      {"allocator", "bytes counted, refused, booked by purpose", 30, &check_allocator},
      {"operators", "norm, head, optimizer, decoders, kernels against float64", 40,
       &check_operators},
      {"libraries", "a sampler's noise; nf4 and 8-bit AdamW by bitsandbytes and our kernel", 40,
       &check_libraries},
      {"parts", "norm, SwiGLU, attention: the device's table against float64", 30, &check_parts},
      {"float32", "every family: states, logits, scores, gradients", 40, &check_float32},
      {"bfloat16", "the same with products of bfloat16", 40, &check_bfloat16},
      {"storages", "weights in bfloat16, int8, nf4", 30, &check_storages},
      {"recomputation", "the same gradients, and the same bits twice", 30, &check_recomputation},
      {"streaming", "streamed weights and blocks' inputs on the host: the same bits", 30,
       &check_streaming},
      {"gradient_paths", "a preference step by every path against the CPU's", 40,
       &check_gradient_paths},
      {"synchronisations", "waits for the device in a step", 30, &count_synchronisations},
      {"products", "the rate of matrix products", 30, &measure_products},
      {"block", "one block of the 8B shape at T = 1, 8, 20", 40, &measure_block},
      {"pair", "a preference step of the whole 8B shape", 90, &measure_pair},
      {"profile", "where the time of a block of the 8B shape goes", 40, &measure_parts},
      {"budget", "the same in 16 GB: nf4, int8, bfloat16", 90, &measure_budget},
  };
  return all;
}

namespace {

int list() {
  Json all = Json::array();
  for (const Step& step : steps())
    all.push_back({{"name", step.name}, {"what", step.what}, {"seconds", step.seconds}});
  std::cout << all.dump() << "\n";
  return 0;
}

int run(const std::string& name, const std::string& device, bool is_small) {
  Report report;
  for (const Step& step : steps()) {
    if (name != step.name) continue;
    MemoryManager memory;
    report.attempt(name, [&] {
      memory.install();
      Bench bench{device_kind(device), is_small, &memory, nullptr};
      if (select_device(device).device == "cuda") bench.cuda = memory::loaded_cuda_functions();
      step.run(bench, report);
      bench.wait();
    });
    return report.failed() == 0 ? 0 : 1;
  }
  std::cerr << "gpu_check: no step is named \"" << name << "\"; --list names them\n";
  return 2;
}

}  // namespace
}  // namespace lldm::gpu_check

int main(int argc, char** argv) {
  lldm::set_deterministic_environment();
  std::string step, device = "cpu";
  bool is_small = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--list") return lldm::gpu_check::list();
    if (word == "--small")
      is_small = true;
    else if (word == "--device" && i + 1 < argc)
      device = argv[++i];
    else
      step = word;
  }
  return lldm::gpu_check::run(step, device, is_small);
}
