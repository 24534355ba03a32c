// SPDX-License-Identifier: MIT
#include "lldm/memory/device.hpp"

#include <ATen/Context.h>
#include <dlfcn.h>
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/headeronly/version.h>

#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>

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
std::atomic<int> own_gpu{0};

constexpr const char* kFileName = "liblldm_cuda.so";
constexpr int kLeastCudaMajor = 8;  // compute capability: cmake/Cuda.cmake builds for 8.0 and later

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// 1 of "cuda:1"; of "cuda" this process's own.
std::optional<int> cuda_index(std::string_view wanted) {
  if (wanted == "cuda") return own_gpu.load();
  if (!wanted.starts_with("cuda:")) return std::nullopt;
  const std::string_view digits = wanted.substr(5);
  int index = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size() ||
      index < 0)
    return std::nullopt;
  return index;
}

/// The same bits in every run: LibTorch takes its deterministic kernels and refuses operations that
/// have none; sums are never narrower than float32.
void compute_reproducibly() {
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);  // a pass over memory, for debugging
  context.setAllowBF16ReductionCuBLAS(false);
  context.setAllowFP16ReductionCuBLAS(false);
}

/// Makes device `index` what "cuda" means, or this process's own; its name.
/// Errors  Error: why it cannot be used.
std::string use_cuda_device(std::optional<int> named) {
  std::string why;
  const auto devices = memory::loaded_cuda_functions()->devices(&why);
  if (devices.empty()) throw Error(message("no GPU can be used: ", why));
  // Where one is shown, whoever started the process chose it.
  const int index = named ? *named : devices.size() == 1 ? 0 : own_gpu.load();
  if (index >= std::ssize(devices) && !named)
    throw Error(message("process ", index, " of this machine has no GPU of its own: it shows ",
                        devices.size(), "\n  start as many processes as there are GPUs"));
  if (index >= std::ssize(devices))
    throw Error(message("there is no GPU ", index, ": this machine shows ", devices.size(),
                        ", numbered from 0"));
  const memory::CudaDevice& device = devices[static_cast<std::size_t>(index)];
  if (device.major < kLeastCudaMajor)
    throw Error(message(device.name, " has compute capability ", device.major, ".", device.minor,
                        ", lldm is built for ", kLeastCudaMajor, ".0 and later"));
  memory::loaded_cuda_functions()->select(index);
  return device.name;
}

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
  require_loaded_libtorch();
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

std::string loaded_libtorch_version() {
  const std::uint64_t version = aoti_torch_abi_version();  // 0xMMmmpp0000000000
  return message(version >> 56, ".", version >> 48 & 0xff, ".", version >> 40 & 0xff);
}

void require_loaded_libtorch() {
  const std::string built =
      message(TORCH_VERSION_MAJOR, ".", TORCH_VERSION_MINOR, ".", TORCH_VERSION_PATCH);
  if (const std::string loaded = loaded_libtorch_version(); loaded != built)
    throw Error(message("lldm was built for LibTorch ", built, ", and LibTorch ", loaded,
                        " was loaded\n  point LD_LIBRARY_PATH, or the build, to torch ", built));
}

void set_own_gpu(int local_rank) noexcept { own_gpu = local_rank; }

std::string device_kind(std::string_view device) {
  return std::string(cuda_index(device) ? "cuda" : device);
}

DeviceChoice select_device(std::string_view wanted) {
  if (wanted == "cpu") return {"cpu", "asked for"};
  const bool is_own = wanted == "auto" || wanted == "cuda";
  const std::optional<int> index = is_own ? std::nullopt : cuda_index(wanted);
  if (!is_own && !index)
    throw ConfigError(
        message("device \"", wanted, "\" is unknown\n  devices: cpu, cuda, cuda:N, auto"));
  std::string why;
  try {
    load_cuda_library();
    const std::string name = use_cuda_device(index);
    compute_reproducibly();
    return {"cuda", message(wanted == "auto" ? "found " : "asked for: ", name)};
  } catch (const c10::Error& error) {  // its what() ends in a stack trace
    why = message("device \"", wanted, "\": ", error.what_without_backtrace());
  } catch (const std::exception& error) {
    why = error.what();
  }
  if (!why.starts_with("device \"")) why = message("device \"cuda\": ", why);
  if (why.find("device = \"cpu\" runs here") == std::string::npos)
    why += "\n  device = \"cpu\" runs here";
  if (wanted != "auto") throw ConfigError(why);
  return {"cpu", first_line(why)};
}

}  // namespace lldm
