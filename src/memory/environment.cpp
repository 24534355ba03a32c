// SPDX-License-Identifier: MIT
#include <ATen/Parallel.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/device.hpp"
#include "memory/bitsandbytes.hpp"
#include "memory/cuda_library.hpp"

namespace lldm {
namespace {

std::string after_colon(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) {
      const std::size_t colon = line.find(':');
      const std::size_t start =
          colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
      if (start != std::string::npos) return line.substr(start);
    }
  return "unknown";
}

std::string cuda_text() {
  const memory::CudaFunctions* library = memory::loaded_cuda_functions();
  if (library == nullptr) {
    std::error_code ignored;
    const bool is_built = std::filesystem::exists(library_folder() / "liblldm_cuda.so", ignored);
    return is_built ? "built, not loaded" : "not built";
  }
  std::string why, text;
  for (const memory::CudaDevice& device : library->devices(&why))
    text += message(text.empty() ? "" : "; ", device.name, ", ", bytes_text(device.total_bytes),
                    ", sm_", device.major, device.minor);
  return text.empty() ? "no device: " + why : text;
}

/// Loaded where a GPU is there or a file was named: elsewhere the libraries it needs are missing.
std::string library_text() {
  const char* named = std::getenv("LLDM_BITSANDBYTES");
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  const bool has_gpu = cuda != nullptr && !cuda->devices(nullptr).empty();
  if (!has_gpu && (named == nullptr || *named == '\0')) return "looked for beside a GPU";
  return memory::bitsandbytes_text();
}

}  // namespace

std::vector<EnvironmentFact> environment_facts() {
  const auto pages = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES));
  const auto page_bytes = static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
  return {
      {"lldm", LLDM_VERSION},
      {"libtorch", loaded_libtorch_version()},
      {"compiler", message("g++ ", __VERSION__)},
      {"processor", after_colon("/proc/cpuinfo", "model name")},
      {"threads", message(at::get_num_threads(), " of ", std::thread::hardware_concurrency())},
      {"memory", bytes_text(pages * page_bytes)},
      {"cuda", cuda_text()},
      {"bitsandbytes", library_text()},
      {"library", library_folder().string()},
  };
}

}  // namespace lldm
