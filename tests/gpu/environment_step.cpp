// SPDX-License-Identifier: MIT
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <c10/util/Exception.h>

#include <cstdlib>

#include "check.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"

namespace lldm::gpu_check {

namespace {

std::string version_text(int number) {
  return number > 0 ? message(number / 1000, ".", number % 1000 / 10) : std::string("unknown");
}

void tell_device(const Bench& bench, Report& report) {
  int driver = 0, runtime = 0;
  bench.cuda->versions(&driver, &runtime);
  std::string why;
  const auto devices = bench.cuda->devices(&why);
  report.require("a device is visible", !devices.empty(), {{"why", why}});
  for (const memory::CudaDevice& device : devices)
    report.measure("device", {{"name", device.name},
                              {"bytes", device.total_bytes},
                              {"compute_capability", message(device.major, ".", device.minor)},
                              {"multiprocessors", device.multiprocessors},
                              {"driver", version_text(driver)},
                              {"runtime", version_text(runtime)}});
  const memory::CudaMemory now = bench.cuda->memory();
  report.measure(
      "memory before the first product",
      {{"free", now.free_bytes}, {"total", now.total_bytes}, {"reserved", now.reserved_bytes}});
  const char* workspace = std::getenv("CUBLAS_WORKSPACE_CONFIG");
  report.require("cuBLAS has fixed workspaces", workspace != nullptr,
                 {{"CUBLAS_WORKSPACE_CONFIG", workspace ? workspace : ""}});
}

}  // namespace

void check_environment(const Bench& bench, Report& report) {
  Json facts = Json::object();
  for (const EnvironmentFact& fact : environment_facts()) facts[fact.name] = fact.value;
  report.measure("environment", facts);
  report.attempt("LibTorch is the one lldm was built for", [&] {
    require_loaded_libtorch();
    report.require("LibTorch is the one lldm was built for", true,
                   {{"loaded", loaded_libtorch_version()}});
  });
  if (bench.cuda != nullptr) tell_device(bench, report);
  const auto begin = std::chrono::steady_clock::now();
  const auto ones = at::ones({64, 64}, at::TensorOptions(at::kFloat).device(bench.at()));
  const double sum = at::mm(ones, ones).sum().item<double>();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  report.require("the first product", sum == 64.0 * 64 * 64, {{"seconds", took.count()}});
  if (bench.cuda == nullptr) return;
  const memory::CudaMemory now = bench.cuda->memory();
  report.measure("memory after the first product",
                 {{"free", now.free_bytes}, {"reserved", now.reserved_bytes}});
}

}  // namespace lldm::gpu_check
