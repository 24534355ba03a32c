// SPDX-License-Identifier: MIT
#include "memory/copy_engine.hpp"

#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <optional>
#include <string>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/purpose.hpp"
#include "memory/locked_memory.hpp"

namespace lldm::memory {
namespace {

class DirectCopies final : public CopyEngine {
 public:
  void begin() override {}
  void end() override {}
  void fetch(std::size_t, const at::Tensor& host, const at::Tensor& device) override {
    host.copy_(device);
  }
  void send(std::size_t, const at::Tensor& device, const at::Tensor& host) override {
    device.copy_(host);
  }
  void arrive(std::size_t) override {}
  void wait(std::size_t) override {}
};

class StreamCopies final : public CopyEngine {
 public:
  StreamCopies(at::Device device, std::size_t slots)
      : device_(device), guard_(device.type()), down_(stream()), up_(stream()) {
    for (std::size_t slot = 0; slot < slots; ++slot) done_.emplace_back(device.type());
  }
  void begin() override {
    c10::Event before(device_.type());
    before.record(guard_.getStream(device_));
    before.block(down_);
    before.block(up_);
  }
  void end() override {
    for (const c10::Stream& stream : {down_, up_}) {
      c10::Event after(device_.type());
      after.record(stream);
      after.block(guard_.getStream(device_));
    }
  }
  void fetch(std::size_t slot, const at::Tensor& host, const at::Tensor& device) override {
    copy(slot, down_, host, device);
  }
  void send(std::size_t slot, const at::Tensor& device, const at::Tensor& host) override {
    copy(slot, up_, device, host);
  }
  void arrive(std::size_t slot) override { done_[slot].block(guard_.getStream(device_)); }
  void wait(std::size_t slot) override { done_[slot].synchronize(); }

 private:
  [[nodiscard]] c10::Stream stream() const { return guard_.getStreamFromGlobalPool(device_); }
  void copy(std::size_t slot, const c10::Stream& stream, const at::Tensor& to,
            const at::Tensor& from) {
    const c10::StreamGuard on(stream);
    to.copy_(from, /*non_blocking=*/true);
    done_[slot].record(stream);
  }

  at::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream down_, up_;
  std::vector<c10::Event> done_;
};

}  // namespace

std::unique_ptr<CopyEngine> make_copy_engine(at::Device device, std::size_t slots) {
  if (device.is_cpu()) return std::make_unique<DirectCopies>();
  return std::make_unique<StreamCopies>(device, slots);
}

at::Tensor host_memory(std::int64_t count, at::ScalarType dtype, at::Device device) {
  const PurposeScope scope(MemoryPurpose::staging);
  try {
    return at::empty({count}, at::TensorOptions(dtype).pinned_memory(!device.is_cpu()));
  } catch (const c10::Error& error) {
    const auto bytes =
        static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(c10::elementSize(dtype));
    throw OutOfMemory(message("out of host memory: ", bytes_text(bytes),
                              " could not be locked for copies to the device", locked_limit(),
                              "\n  ", error.what_without_backtrace(),
                              "\n  [optimizer] resident = \"device\" copies nothing"));
  }
}

}  // namespace lldm::memory
