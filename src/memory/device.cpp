// SPDX-License-Identifier: MIT
#include "lldm/memory/device.hpp"

#include <dlfcn.h>

#include <atomic>
#include <mutex>

#include "lldm/errors.hpp"
#include "memory/cuda_library.hpp"
#include "memory/cuda_version.hpp"

namespace lldm {
namespace {

// LibTorch's CUDA state is process-wide, and so is a loaded library.
std::mutex load_mutex;
std::atomic<const memory::CudaFunctions*> functions{nullptr};
std::atomic<memory::Ledger*> cuda_ledger{nullptr};
std::atomic<bool> is_counted{false};

constexpr const char* kFileName = "liblldm_cuda.so";

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

namespace memory {

const CudaFunctions* loaded_cuda_functions() noexcept { return functions.load(); }

void count_cuda_in(Ledger* ledger) {
  const std::scoped_lock lock(load_mutex);
  cuda_ledger = ledger;
  if (const CudaFunctions* library = functions.load()) is_counted = library->count_in(ledger);
}

bool is_cuda_counted() noexcept { return is_counted.load(); }

}  // namespace memory

std::filesystem::path library_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&load_mutex), &info) == 0 || info.dli_fname == nullptr)
    throw Error("library_folder: the dynamic linker does not know where liblldm.so lies");
  return std::filesystem::absolute(info.dli_fname).parent_path();
}

void load_cuda_library() { load_cuda_library(library_folder() / kFileName); }

void load_cuda_library(const std::filesystem::path& file) {
  const std::scoped_lock lock(load_mutex);
  if (functions.load() != nullptr) return;
  if (!std::filesystem::exists(file))
    throw Error(message(
        "device \"cuda\": ", file.string(), " is not there\n",
        "  it is built where nvcc is found (cmake --preset cuda); device = \"cpu\" runs here"));
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr)
    throw Error(message(
        "device \"cuda\": ", file.filename().string(), " cannot be loaded: ", dlerror(), "\n",
        "  it needs the CUDA libraries of torch 2.11.0: tools/setup --cuda installs them, ",
        "or name their folders in LD_LIBRARY_PATH\n", "  device = \"cpu\" runs here"));
  using Query = const memory::CudaFunctions* (*)();
  const auto query = reinterpret_cast<Query>(dlsym(handle, "lldm_cuda_functions"));
  if (query == nullptr)
    throw Error(message("device \"cuda\": ", file.string(), " is not lldm's CUDA library\n",
                        "  it has no function lldm_cuda_functions"));
  const memory::CudaFunctions* found = query();
  if (std::string_view(found->version) != memory::kCudaLibraryVersion)
    throw Error(message("device \"cuda\": ", file.string(),
                        " was built for another lldm\n  library: ", found->version,
                        "\n  host:    ", memory::kCudaLibraryVersion));
  if (memory::Ledger* ledger = cuda_ledger.load()) is_counted = found->count_in(ledger);
  functions = found;
}

bool is_cuda_library_loaded() noexcept { return functions.load() != nullptr; }

DeviceChoice select_device(std::string_view wanted) {
  if (wanted == "cpu") return {"cpu", "asked for"};
  if (wanted != "cuda" && wanted != "auto")
    throw ConfigError(message("device \"", wanted, "\" is unknown\n  devices: cpu, cuda, auto"));
  std::string why;
  try {
    load_cuda_library();
    const auto devices = memory::loaded_cuda_functions()->devices(&why);
    if (!devices.empty())
      return {"cuda", message(wanted == "cuda" ? "asked for: " : "found ", devices[0].name)};
    why = message("device \"cuda\": no GPU can be used: ", why, "\n  device = \"cpu\" runs here");
  } catch (const Error& error) {
    why = error.what();
  }
  if (wanted == "cuda") throw ConfigError(why);
  return {"cpu", first_line(why)};
}

}  // namespace lldm
