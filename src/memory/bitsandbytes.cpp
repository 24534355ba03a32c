// SPDX-License-Identifier: MIT
#include "memory/bitsandbytes.hpp"

#include <dlfcn.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm::memory {
namespace {

constexpr const char* kVariable = "LLDM_BITSANDBYTES";
/// The wheel's, built for the CUDA that torch 2.11 has.
constexpr const char* kDefaultFile = "libbitsandbytes_cuda130.so";
/// 0.44.0 brought this function, and with it the stream of the decoders and two arguments more of
/// every optimizer: the library itself does not tell its version.
constexpr const char* kSinceVersion044 = "cademamix_8bit_blockwise_grad_fp32";
constexpr int kMajor = 0, kFirstMinor = 44, kLastMinor = 50;

/// "0.50.1" of .../bitsandbytes/FILE beside .../bitsandbytes-0.50.1.dist-info; else empty.
std::string version_around(const std::filesystem::path& file) {
  constexpr std::string_view kFront = "bitsandbytes-", kEnd = ".dist-info";
  std::error_code ignored;
  const auto folder = std::filesystem::canonical(file, ignored).parent_path();
  if (folder.filename() != "bitsandbytes") return "";
  for (const auto& entry : std::filesystem::directory_iterator(folder.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kFront) && name.ends_with(kEnd))
      return name.substr(kFront.size(), name.size() - kFront.size() - kEnd.size());
  }
  return "";
}

bool is_known(std::string_view version) {
  int major = -1, minor = -1;
  const char *begin = version.data(), *end = begin + version.size();
  const auto first = std::from_chars(begin, end, major);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') return false;
  if (std::from_chars(first.ptr + 1, end, minor).ec != std::errc()) return false;
  return major == kMajor && minor >= kFirstMinor && minor <= kLastMinor;
}

}  // namespace

Bitsandbytes load_bitsandbytes(const std::string& file) {
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw Error(message(file, " cannot be loaded: ", dlerror()));
  std::string missing;
  const auto find = [&](const char* name) {
    void* found = dlsym(handle, name);
    if (found == nullptr) missing += message(missing.empty() ? "" : ", ", name);
    return found;
  };
  const auto decoder = [&](const char* name) {
    return reinterpret_cast<Bitsandbytes::Decode>(find(name));
  };
  const auto adam = [&](const char* name) {
    return reinterpret_cast<Bitsandbytes::Adam>(find(name));
  };
  Bitsandbytes library;
  library.decode_float32 = decoder("cdequantize_blockwise_fp32");
  library.decode_nf4_float32 = decoder("cdequantize_blockwise_fp32_nf4");
  library.decode_nf4_bfloat16 = decoder("cdequantize_blockwise_bf16_nf4");
  library.adam_float32 = adam("cadam_8bit_blockwise_grad_fp32");
  library.adam_bfloat16 = adam("cadam_8bit_blockwise_grad_bf16");
  find(kSinceVersion044);
  if (!missing.empty())
    throw Error(message(file, " has not the functions of bitsandbytes 0.44 to 0.50 for CUDA: no ",
                        missing));
  Dl_info info{};
  const bool is_placed =
      dladdr(reinterpret_cast<const void*>(library.adam_float32), &info) != 0 && info.dli_fname;
  library.file = is_placed ? info.dli_fname : file;
  library.version = version_around(library.file);
  if (!library.version.empty() && !is_known(library.version))
    throw Error(message(library.file, " is of bitsandbytes ", library.version,
                        "; lldm knows the functions of 0.44 to 0.50"));
  return library;
}

namespace {

/// What this process found; libraries are loaded once for all of it.
struct Found {
  std::mutex lock;
  bool is_looked_for = false;
  std::optional<Bitsandbytes> library;
  std::string why_not;  // empty: it is used

  void look() {
    if (is_looked_for) return;
    is_looked_for = true;
    const char* named = std::getenv(kVariable);
    const std::string file = named && *named ? named : kDefaultFile;
    if (file == "off") {
      why_not = message(kVariable, "=off");
      return;
    }
    try {
      library = load_bitsandbytes(file);
    } catch (const Error& error) {
      why_not = error.what();
    }
  }
};

Found& found() {
  static Found only;
  return only;
}

}  // namespace

const Bitsandbytes* bitsandbytes() {
  Found& all = found();
  const std::scoped_lock held(all.lock);
  all.look();
  return all.why_not.empty() ? &*all.library : nullptr;
}

void distrust_bitsandbytes(const std::string& why) {
  Found& all = found();
  const std::scoped_lock held(all.lock);
  all.look();
  if (all.why_not.empty()) all.why_not = message(all.library->file, ": ", why);
}

std::string bitsandbytes_version() {
  const Bitsandbytes* library = bitsandbytes();
  if (library == nullptr) return "none";
  return library->version.empty() ? "unknown" : library->version;
}

std::string bitsandbytes_text() {
  Found& all = found();
  const std::scoped_lock held(all.lock);
  all.look();
  if (!all.why_not.empty()) return "not used: " + all.why_not;
  const std::string& version = all.library->version;
  return message(version.empty() ? "version unknown" : version, ", ", all.library->file);
}

}  // namespace lldm::memory
