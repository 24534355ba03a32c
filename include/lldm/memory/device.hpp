// SPDX-License-Identifier: MIT
// Which device a run computes on, and the CUDA library that is loaded only when one asks for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// "cpu" or "cuda", and why: `auto` must not choose silently, so the caller shows `reason`.
struct DeviceChoice {
  std::string device;
  std::string reason;
};

/// Resolves the configuration's "cpu", "cuda", "cuda:N" or "auto".  All but the first load
/// liblldm_cuda.so; call it before the first backward of the process, which is when LibTorch looks
/// for CUDA, once.  The device of a choice is "cpu" or "cuda": of "cuda:N", which it makes the one
/// that "cuda" means in this process.  On a GPU LibTorch is told to take deterministic kernels
/// alone.
/// Errors  ConfigError for another word, and for "cuda" where it cannot run, with what is missing;
///         "auto" takes "cpu" then, whatever went wrong.
[[nodiscard]] DeviceChoice select_device(std::string_view wanted);

/// What "cuda" and "auto" mean from here on in one of several processes of a machine, the
/// `local_rank`-th: the GPU of that number, or the only one that the process is shown.
void set_own_gpu(int local_rank) noexcept;

/// "cuda" of "cuda" and "cuda:N"; any other word as it is.
[[nodiscard]] std::string device_kind(std::string_view device);

/// Of the library that this process has loaded: "2.11.0".
[[nodiscard]] std::string loaded_libtorch_version();
/// Errors  Error if it is another than lldm was built for: its classes would be read wrongly.
void require_loaded_libtorch();

/// Loads liblldm_cuda.so from beside liblldm.so, once; later calls do nothing.
/// Errors  Error: the library is not built, or one of the CUDA libraries it needs is missing
///         (which).
void load_cuda_library();
/// The same for a library elsewhere.
void load_cuda_library(const std::filesystem::path& file);
[[nodiscard]] bool is_cuda_library_loaded() noexcept;

/// Where liblldm.so lies, found by its own address.
[[nodiscard]] std::filesystem::path library_folder();

/// One fact of `lldm env`: "libtorch" -> "2.11.0".
struct EnvironmentFact {
  std::string name;
  std::string value;
};

/// Versions, compiler, processor, memory, threads, CUDA: what a bug report needs.  Does not fail.
[[nodiscard]] std::vector<EnvironmentFact> environment_facts();

}  // namespace lldm
