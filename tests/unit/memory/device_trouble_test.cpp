// SPDX-License-Identifier: MIT
// What is said of a device that is full or gone, without one.
#include "memory/device_trouble.hpp"

#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "memory/ledger.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using testing::contains;

namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

memory::CudaMemory holding(std::int64_t reserved, std::int64_t free) {
  memory::CudaMemory now;
  now.reserved_bytes = reserved, now.free_bytes = free, now.total_bytes = 16 * kGiB;
  return now;
}

/// A device that has no block for anybody.
std::string refusal(const memory::CudaMemory& now) {
  memory::Ledger ledger;
  try {
    ledger.refuse(MemoryDevice::cuda, MemoryPurpose::activations, 2 * kGiB,
                  memory::full_device(now).c_str());
  } catch (const OutOfMemory& error) {
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("a full device: who holds it, and what to do", "[memory]") {
  const std::string crowded = refusal(holding(3 * kGiB, kGiB));
  CHECK_THAT(crowded, contains("out of cuda memory: \"activations\" asked for 2.00 GiB"));
  CHECK_THAT(crowded, contains("1.00 GiB of 16.0 GiB are free, this process holds 3.00 GiB, others "
                               "and contexts 12.0 GiB\n"));
  CHECK_THAT(crowded, contains("\n  other processes fill the card: nvidia-smi names them\n"));
  const std::string alone = refusal(holding(15 * kGiB, kGiB / 2));
  CHECK_THAT(alone, contains("this process holds 15.0 GiB"));
  CHECK_THAT(alone, !contains("other processes"));
  CHECK_THAT(alone, contains("gradient_path = \"replay\""));
}

TEST_CASE("a lost device is told from other errors", "[memory]") {
  const std::string said = memory::lost_device(
      "CUDA error: an illegal memory access was encountered\nSearch for `cudaErrorIllegalAddress'");
  CHECK_THAT(said, contains("no longer: an illegal memory access was encountered\n"));
  CHECK_THAT(said, contains("the same command goes on from the newest one"));
  CHECK(memory::lost_device("CUDA error: out of memory").empty());
  CHECK(memory::lost_device("mat1 and mat2 shapes cannot be multiplied").empty());
  // Of one call, behind which the device computes on.
  for (const char* text :
       {"CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: no kernel image is available for execution on the device",
        "CUDA error: invalid configuration argument", "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED"})
    CHECK(memory::lost_device(text).empty());
  CHECK(!memory::lost_device("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED").empty());
  CHECK(!memory::lost_device("CUDA error: unspecified launch failure").empty());
}

TEST_CASE("a library that finds no memory on the device is told from other errors", "[memory]") {
  CHECK(memory::is_full_device("CUDA error: out of memory"));
  CHECK(memory::is_full_device(
      "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"));
  CHECK(!memory::is_full_device("CUDA error: an illegal memory access was encountered"));
  CHECK(!memory::is_full_device("out of memory, says somebody else"));
}

TEST_CASE("what LibTorch may reserve of a GPU's budget: the context is part of it", "[memory]") {
  // 16 GiB with 15.5 free and nothing of ours: half a GiB is the context's.
  CHECK(memory::reservable(10 * kGiB, 0, holding(0, 31 * kGiB / 2)) == 19 * kGiB / 2);
  CHECK(memory::reservable(0, 0, holding(0, 15 * kGiB)) == 0);  // no budget, no limit
  // Others hold most of the card: their part is not taken off, but for a context at most.
  CHECK(memory::reservable(10 * kGiB, 0, holding(0, 2 * kGiB)) == 9 * kGiB);
  // A context that is known is taken off whoever else is there: as plans do.
  CHECK(memory::reservable(10 * kGiB, kGiB / 2, holding(0, 2 * kGiB)) == 19 * kGiB / 2);
  CHECK(memory::reservable(kGiB / 4, 0, holding(0, 15 * kGiB)) == kGiB / 4);  // a few segments
  CHECK(memory::outside(holding(3 * kGiB, kGiB)) == 12 * kGiB);
}
