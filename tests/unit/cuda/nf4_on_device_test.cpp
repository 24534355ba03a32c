// SPDX-License-Identifier: MIT
// nf4 by a library's functions and by the kernel's interface, on the host's memory: which numbers
// are asked for, from where, by which scales.
#include "model/quantized/nf4_on_device.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <dlfcn.h>

#include "lldm/model/matrix.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/nf4.hpp"
#include "support/catch.hpp"
#include "support/fake_libraries.hpp"

using namespace lldm;

namespace {

struct Fake {
  explicit Fake(const std::string& kind)
      : library(memory::load_bitsandbytes(testing::fake_bitsandbytes(kind))),
        handle(dlopen(library.file.c_str(), RTLD_NOW | RTLD_LOCAL)) {}
  [[nodiscard]] void* stream() const {
    return reinterpret_cast<void* (*)()>(dlsym(handle, "fake_stream"))();
  }
  [[nodiscard]] int calls() const {
    return reinterpret_cast<int (*)()>(dlsym(handle, "fake_calls"))();
  }
  memory::Bitsandbytes library;
  void* handle;
};

/// 300 rows of 77: blocks across rows, more than one group of scales, a short last block.
Matrix matrix() {
  const Matrix made = Matrix::zeros(300, 77, WeightStorage::nf4, at::kFloat, at::kCPU);
  made.assign(at::randn({300, 77}));
  return made;
}

Nf4Codes codes_of(const Matrix& matrix) {
  const auto parts = matrix.parts();
  return {parts[0].second, parts[1].second, parts[2].second};
}

int marker = 0;  // whose address stands for a stream

}  // namespace

TEST_CASE("bitsandbytes' decoder gives the bits of ours, of any rows", "[cuda][nf4]") {
  const Fake fake("whole");
  const Matrix whole = matrix();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf})
    for (const auto& [row, count] :
         {std::pair<std::int64_t, std::int64_t>{0, 300}, {0, 1}, {299, 1}, {212, 80}, {213, 3}}) {
      const at::Tensor got = nf4_by_bitsandbytes(fake.library, &marker, codes_of(whole), row * 77,
                                                 (row + count) * 77, dtype);
      CHECK(at::equal(got.view({count, 77}), whole.dequantized(row, count, dtype)));
    }
  CHECK(fake.stream() == &marker);
}

TEST_CASE("A matrix of more numbers than one call may have is decoded by several", "[cuda][nf4]") {
  const Fake fake("whole");
  const Matrix whole = matrix();
  const int before = fake.calls();
  const at::Tensor got =
      nf4_by_bitsandbytes(fake.library, nullptr, codes_of(whole), 70, 300 * 77, at::kFloat, 1024);
  CHECK(at::equal(got, whole.dequantized(at::kFloat).view({-1}).narrow(0, 70, 300 * 77 - 70)));
  CHECK(fake.calls() - before == 1 + (300 * 77 - 64 + 1023) / 1024);
}

TEST_CASE("The kernel's interface says which numbers, with both maps", "[cuda][nf4]") {
  memory::CudaFunctions::Kernels kernels{};
  static void* given = nullptr;
  kernels.nf4_decode = [](cuda::ElementType type, const cuda::Nf4& in, void* out, void* stream) {
    given = stream;
    for (std::int64_t i = in.begin; i < in.end; ++i) {
      const std::int64_t block = i / kNf4Block;
      const float absmax =
          in.map.values[in.scales[block]] * in.nested[1 + block / kDynamicBlock] + in.nested[0];
      const int code = i % 2 == 0 ? in.bytes[i / 2] >> 4 : in.bytes[i / 2] & 15;
      const float value = in.codebook.values[code] * absmax;
      if (type == cuda::ElementType::float32)
        static_cast<float*>(out)[i - in.begin] = value;
      else
        static_cast<c10::BFloat16*>(out)[i - in.begin] = value;
    }
  };
  const auto decode = [&](const Nf4Codes& codes, std::int64_t begin, std::int64_t end,
                          at::ScalarType dtype) {
    return nf4_by_kernel(kernels, &marker, codes, begin, end, dtype);
  };
  const Matrix whole = matrix();
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf})
    CHECK(at::equal(decode(codes_of(whole), 13 * 77, 200 * 77, dtype).view({187, 77}),
                    whole.dequantized(13, 187, dtype)));
  CHECK(given == &marker);
  CHECK(nf4_trial(at::kCPU, decode).empty());
}

TEST_CASE("A decoder whose numbers are wrong fails its trial", "[cuda][nf4]") {
  const auto trial = [](const std::string& kind) {
    const Fake fake(kind);
    return nf4_trial(at::kCPU, [&](const Nf4Codes& codes, std::int64_t begin, std::int64_t end,
                                   at::ScalarType dtype) {
      return nf4_by_bitsandbytes(fake.library, nullptr, codes, begin, end, dtype);
    });
  };
  CHECK(trial("whole").empty());
  CHECK(trial("wrong") == "numbers 0 to 40997 of a trial in nf4 came out wrong in Float");
}

TEST_CASE("On the CPU nobody looks for a library to decode nf4", "[cuda][nf4]") {
  const Matrix whole = matrix();
  const auto codes = codes_of(whole);
  CHECK(at::equal(nf4_on_device(codes, 0, 300 * 77, at::kFloat).view({300, 77}),
                  whole.dequantized(at::kFloat)));
  CHECK(nf4_decoder_text().empty());
}
