// SPDX-License-Identifier: MIT
// What a step of gpu_check is: a child process that says what it measured line by line, so that a
// step that crashes or hangs leaves what it had found.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/memory/manager.hpp"
#include "memory/cuda_library.hpp"

namespace lldm::gpu_check {

using Json = nlohmann::ordered_json;

/// Where a step runs.
struct Bench {
  std::string device = "cpu";  // or "cuda"
  bool is_small = true;        // shapes of a rehearsal
  MemoryManager* memory = nullptr;
  const memory::CudaFunctions* cuda = nullptr;  // null on the CPU

  [[nodiscard]] at::Device at() const { return at::Device(device); }
  [[nodiscard]] MemoryDevice ledger() const {
    return cuda != nullptr ? MemoryDevice::cuda : MemoryDevice::cpu;
  }
  void wait() const {
    if (cuda != nullptr) cuda->synchronize();
  }
  /// Seconds of the fastest of `repeats` calls after one that warms up.
  template <class Work>
  double seconds(int repeats, const Work& work) const {
    work();
    double best = 0;
    for (int i = 0; i < repeats; ++i) {
      wait();
      const auto begin = std::chrono::steady_clock::now();
      work();
      wait();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      best = i == 0 ? took.count() : std::min(best, took.count());
    }
    return best;
  }
};

/// The lines of one step, on standard output: {"check", "ok", ...}, {"measure", ...} or
/// {"skipped", "why"}.
class Report {
 public:
  /// Passes where error <= bound; NaN does not.
  void within(const std::string& name, double error, double bound, Json more = Json::object());
  void require(const std::string& name, bool is_right, Json more = Json::object());
  void measure(const std::string& name, Json values);
  void skip(const std::string& name, const std::string& why);
  /// Runs `work`; what it throws is a failed check of this name.
  void attempt(const std::string& name, const std::function<void()>& work);
  [[nodiscard]] int failed() const { return failed_; }

 private:
  void write(const Json& line);
  int failed_ = 0;
};

struct Step {
  const char* name;
  const char* what;
  int seconds;  // that it may take on a GPU
  void (*run)(const Bench&, Report&);
};

/// In the order in which they are run: what everything else needs comes first.
const std::vector<Step>& steps();

/// |a - b| / |b| over all numbers, in float64 on the host; NaN where a number is not finite.
double distance(const at::Tensor& a, const at::Tensor& b);
bool same_bits(const at::Tensor& a, const at::Tensor& b);

void check_environment(const Bench&, Report&);
void check_allocator(const Bench&, Report&);
void check_operators(const Bench&, Report&);
void check_libraries(const Bench&, Report&);
void check_parts(const Bench&, Report&);
void check_float32(const Bench&, Report&);
void check_bfloat16(const Bench&, Report&);
void check_storages(const Bench&, Report&);
void check_recomputation(const Bench&, Report&);
void check_streaming(const Bench&, Report&);
void check_gradient_paths(const Bench&, Report&);
void count_synchronisations(const Bench&, Report&);
void measure_products(const Bench&, Report&);
void measure_block(const Bench&, Report&);
void measure_parts(const Bench&, Report&);
void measure_pair(const Bench&, Report&);
void measure_budget(const Bench&, Report&);

}  // namespace lldm::gpu_check
