// SPDX-License-Identifier: MIT
#include "memory/device_trouble.hpp"

namespace lldm::memory {

std::string lost_device(std::string_view what) {
  // An error of the driver stays with the context: every later call gives it again.
  constexpr std::string_view kSaid = "CUDA error: ";
  const auto at = what.find(kSaid);
  if (at == what.npos) return "";
  std::string_view cause = what.substr(at + kSaid.size());
  cause = cause.substr(0, cause.find('\n'));
  // Of one call alone: the next one may go well.
  for (const std::string_view passing :
       {"out of memory", "invalid argument", "invalid configuration argument",
        "invalid device function", "no kernel image", "too many resources requested",
        "CUBLAS_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED",
        "CUBLAS_STATUS_INVALID_VALUE", "CUBLAS_STATUS_NOT_SUPPORTED",
        "CUBLAS_STATUS_ARCH_MISMATCH"})
    if (cause.starts_with(passing)) return "";
  return "the GPU can be used by this process no longer: " + std::string(cause) +
         "\n  checkpoints saved before are intact: the same command goes on from the newest one"
         "\n  if it comes again, nvidia-smi and the kernel's log (dmesg) say what the card did; "
         "device = \"cpu\" runs here";
}

bool is_full_device(std::string_view what) {
  constexpr std::string_view kSaid = "CUDA error: ";
  const auto at = what.find(kSaid);
  if (at == what.npos) return false;
  const std::string_view cause = what.substr(at + kSaid.size());
  return cause.starts_with("out of memory") || cause.starts_with("CUBLAS_STATUS_ALLOC_FAILED");
}

}  // namespace lldm::memory
