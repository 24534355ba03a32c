// SPDX-License-Identifier: MIT
#include "plugin/elf_check.hpp"

#include <elf.h>

#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "lldm/config/value.hpp"
#include "lldm/errors.hpp"
#include "storage/input_file.hpp"
#include "text/foreign.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "lldm: name this machine's ELF code here"
#endif

constexpr const char* kGive = "\n  give the .so that the plugin's build made";
constexpr std::uint64_t kMaxTableBytes = std::uint64_t{1} << 26;

/// One file that claims to be a shared library.
class ElfFile {
 public:
  explicit ElfFile(const fs::path& path)
      : name_("plugin " + config::in_quotes(path.string())), bytes_(read(path)) {}

  void check() const {
    check_magic();
    Elf64_Ehdr header{};
    std::memcpy(&header, bytes_.data(), sizeof header);
    check_header(header);
    const auto segments = table<Elf64_Phdr>(header.e_phoff, header.e_phnum, header.e_phentsize,
                                            "its table of segments");
    bool is_dynamic = false;
    for (const Elf64_Phdr& segment : segments) {
      inside(segment.p_offset, segment.p_filesz, "a segment");
      if (segment.p_type == PT_LOAD && segment.p_filesz > segment.p_memsz)
        damaged("a segment is longer in the file than in memory");
      is_dynamic = is_dynamic || segment.p_type == PT_DYNAMIC;
    }
    if (!is_dynamic) damaged("it has no dynamic section");
    for (const Elf64_Shdr& section : table<Elf64_Shdr>(header.e_shoff, header.e_shnum,
                                                       header.e_shentsize, "its table of sections"))
      if (section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL)
        inside(section.sh_offset, section.sh_size, "a section");
  }

 private:
  [[nodiscard]] std::string read(const fs::path& path) const {
    std::error_code error;
    if (!fs::exists(path, error))
      throw PluginError(message(name_, ": there is no such file\n  looked for ",
                                fs::absolute(path, error).lexically_normal().string()));
    try {
      return read_input(path);
    } catch (const InputError& input) {
      if (input.code() != 0 && !fs::is_directory(path, error))
        throw PluginError(name_ + " cannot be read\n  check its permissions");
      throw PluginError(name_ + " is not a file" + kGive);
    }
  }

  void check_magic() const {
    const bool is_elf = bytes_.starts_with(ELFMAG);
    if (is_elf && bytes_.size() >= sizeof(Elf64_Ehdr)) return;
    const std::string foreign =
        is_elf ? "" : foreign_format(std::string_view(bytes_).substr(0, 512));
    throw PluginError(name_ + " is not a shared library: it " +
                      (foreign.empty() ? std::string("has no ELF header") + kGive : foreign));
  }

  void check_header(const Elf64_Ehdr& header) const {
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != kMachine)
      throw PluginError(message(name_, " was built for another machine\n  its ELF code is ",
                                header.e_machine, ", this machine's ", kMachine,
                                "; rebuild it here"));
    if (header.e_type != ET_DYN)
      throw PluginError(name_ + " is not a shared library: its ELF type is another" + kGive);
    if (header.e_phnum == 0) damaged("it has no segments");
  }

  /// `count` entries at `offset`, as the file has them.
  template <class Entry>
  [[nodiscard]] std::vector<Entry> table(std::uint64_t offset, std::uint64_t count,
                                         std::uint64_t entry_bytes, const char* what) const {
    if (count == 0) return {};
    if (entry_bytes != sizeof(Entry))
      damaged(message(what, " has entries of ", entry_bytes, " bytes"));
    if (count * entry_bytes > kMaxTableBytes) damaged(message(what, " has ", count, " entries"));
    inside(offset, count * entry_bytes, what);
    std::vector<Entry> entries(count);
    std::memcpy(entries.data(), bytes_.data() + offset, count * entry_bytes);
    return entries;
  }

  void inside(std::uint64_t offset, std::uint64_t size, const std::string& what) const {
    std::uint64_t end = 0;
    if (__builtin_add_overflow(offset, size, &end) || end > bytes_.size())
      damaged(message(what, " lies at bytes ", offset, " to ", offset + size, ", the file has ",
                      bytes_.size()));
  }

  [[noreturn]] void damaged(const std::string& why) const {
    throw PluginError(message(name_, " is cut short or damaged: ", why, "\n  build it again"));
  }

  std::string name_;
  std::string bytes_;
};

}  // namespace

void check_shared_library(const fs::path& file) { ElfFile(file).check(); }

}  // namespace lldm
