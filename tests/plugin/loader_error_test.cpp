// SPDX-License-Identifier: MIT
// Plugins that are wrong on purpose: each is refused with its message, and the registry stays what
// it was.
#include <sys/stat.h>

#include <array>
#include <cstring>

#include "lldm/errors.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/registry/registration.hpp"
#include "lldm/schedule/linear.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using lldm::Registry;
using lldm::Role;
using lldm::testing::ConfigFolder;
using lldm::testing::without_folder;

namespace {

const std::filesystem::path kPlugins = std::filesystem::path(LLDM_BINARY_DIR) / "lib/test_plugins";

std::string text_of(const std::filesystem::path& file) {
  std::string text = "\"" + file.string() + "\"";
  return text.size() <= 62 ? text : text.substr(0, 61) + "...\"";
}

/// The message with which the file is refused; fails where the registry is not what it was.
std::string refusal(const std::filesystem::path& file) {
  Registry registry;
  registry.add<lldm::LinearSchedule>();
  const auto before = registry.entries();
  std::string message = "it was loaded";
  try {
    load_plugin(registry, file);
  } catch (const lldm::PluginError& error) {
    message = error.what();
    CHECK(lldm::exit_code(error) == 4);
  }
  CHECK(registry.entries() == before);
  CHECK(registry.origin().plugin == "lldm");
  registry.add(
      lldm::Entry{Role::objective, "still_works", "", {}, {}, {}, nullptr, nullptr, nullptr});
  CHECK(registry.find(Role::objective, "still_works")->origin.plugin == "lldm");
  return message;
}

std::string refusal_of(const std::string& name) {
  return refusal(kPlugins / ("libbad_" + name + ".so"));
}

std::string named(const std::string& name) {
  return "plugin " + text_of(kPlugins / ("libbad_" + name + ".so"));
}

}  // namespace

// promise 13
TEST_CASE("load_plugin refuses what is no ELF file of this machine", "[plugin]") {
  const ConfigFolder folder;
  const auto check = [&](const std::filesystem::path& file) {
    return without_folder(refusal(file), folder);
  };
  CHECK(check(folder.path() / "none.so") ==
        "plugin \"DIR/none.so\": there is no such file\n  looked for DIR/none.so");
  CHECK(check(folder.path()) ==
        "plugin \"DIR\" is not a file\n  give the .so that the plugin's build made");
  const std::string no_header =
      " is not a shared library: it has no ELF header\n  give the .so that the plugin's build made";
  CHECK(check(folder.write("text.so", std::string(200, 'x'))) ==
        "plugin \"DIR/text.so\"" + no_header);
  CHECK(check(folder.write("empty.so", "")) == "plugin \"DIR/empty.so\"" + no_header);
  CHECK(check(folder.write("cut.so",
                           "\x7f"
                           "ELF")) == "plugin \"DIR/cut.so\"" + no_header);
  std::ifstream in(kPlugins / "libbad_empty.so", std::ios::binary);
  std::string header(64, '\0');
  REQUIRE(in.read(header.data(), 64));
  std::string other = header;
  other[18] = '\x28', other[19] = '\0';  // e_machine: 32-bit ARM
  CHECK(check(folder.write("arm.so", other))
            .find("plugin \"DIR/arm.so\" was built for another machine\n") == 0);
  std::string program = header;
  program[16] = '\x02';  // e_type: ET_EXEC
  CHECK(check(folder.write("program.so", program)) ==
        "plugin \"DIR/program.so\" is not a shared library: its ELF type is another\n"
        "  give the .so that the plugin's build made");
  const std::string torn = check(folder.write("torn.so", header));
  CHECK(torn.find("plugin \"DIR/torn.so\" is cut short or damaged: its table of segments lies at "
                  "bytes 64 to ") == 0);
  CHECK(torn.ends_with(", the file has 64\n  build it again"));
  CHECK(check(folder.write("packed.so", "\x1f\x8b\x08")) ==
        "plugin \"DIR/packed.so\" is not a shared library: it is compressed with gzip\n"
        "  unpack it first: gunzip FILE");
  REQUIRE(::mkfifo((folder.path() / "pipe.so").c_str(), 0600) == 0);
  CHECK(check(folder.path() / "pipe.so") ==
        "plugin \"DIR/pipe.so\" is not a file\n  give the .so that the plugin's build made");
}

// dlopen of any of these ends the process with SIGBUS, or reads what is not there.
// promise 13
TEST_CASE("load_plugin refuses a library that is cut short anywhere", "[plugin]") {
  const ConfigFolder folder;
  std::ifstream in(kPlugins / "libbad_abi.so", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  REQUIRE(whole.size() > 4096);
  for (std::size_t size = 64; size < whole.size(); size += 1 + whole.size() / 61) {
    const std::string text = refusal(folder.write("cut.so", whole.substr(0, size)));
    INFO(size << " of " << whole.size() << ": " << text);
    CHECK(text.find("is cut short or damaged") != std::string::npos);
  }
  const std::string text = refusal(folder.write("cut.so", whole.substr(0, whole.size() - 1)));
  CHECK(text.find("is cut short or damaged: its table of sections lies at ") != std::string::npos);
}

TEST_CASE("load_plugin passes on why the system cannot load a library", "[plugin]") {
  const std::string text = refusal_of("undefined_symbol");
  INFO(text);
  CHECK(text.find(named("undefined_symbol") + " cannot be loaded\n  ") == 0);
  CHECK(text.find("undefined symbol: lldm_function_that_is_gone\n"
                  "  if a symbol is missing, rebuild it against this lldm") != std::string::npos);
}

// promise 13
TEST_CASE("load_plugin refuses a library without lldm_plugin_query", "[plugin]") {
  CHECK(refusal_of("no_symbol") ==
        named("no_symbol") +
            " is no lldm plugin: it has no lldm_plugin_query\n"
            "  write LLDM_PLUGIN(\"name\", \"version\", registry) { ... } in one of its files");
}

// promise 13, 14
TEST_CASE("load_plugin refuses a handshake that says nothing or something else", "[plugin]") {
  CHECK(refusal_of("null_info") ==
        named("null_info") + " says nothing about itself\n  lldm_plugin_query returned null");
  CHECK(refusal_of("abi") == named("abi") +
                                 " speaks another plugin ABI\n  plugin: 99\n  host:   2\n"
                                 "  rebuild it against this lldm");
  CHECK(refusal_of("size") == named("size") +
                                  " has another lldm_plugin_info\n  plugin: 40 bytes\n"
                                  "  host:   48 bytes\n  rebuild it against this lldm");
  CHECK(refusal_of("name") == named("name") +
                                  " does not say who it is\n  build_id, version, location and "
                                  "register_components must be set, and name be [a-z][a-z0-9_]*");
}

// promise 14
TEST_CASE("load_plugin refuses a plugin of another build and shows both", "[plugin]") {
  CHECK(refusal_of("build_id") ==
        "plugin \"remask\" 0.1.2 was built for another lldm\n"
        "  plugin: lldm 0.0.9; libtorch 2.9.0; gcc 13.1; cxx11abi 1; cuda 13.0\n  host:   " +
            std::string(lldm::build_id()) + "\n  rebuild it: cmake --build build --target remask");
}

// promise 13
TEST_CASE("load_plugin keeps nothing of a registrar that throws", "[plugin]") {
  CHECK(refusal_of("throwing") ==
        "plugin \"throwing\" 0.1.0 could not register its components\n"
        "  the table of constants is missing");
  CHECK(refusal_of("throwing_number") ==
        "plugin \"throwing_number\" 0.1.0 could not register its components\n"
        "  it threw something that is not a std::exception");
  CHECK(refusal_of("escaping") ==
        "plugin \"escaping\" 0.1.0 could not register its components\n  over the border");
}

// promise 13
TEST_CASE("load_plugin names both plugins where a name is taken", "[plugin]") {
  CHECK(refusal_of("duplicate") ==
        "plugin \"duplicate\" 0.1.0 could not register its components\n"
        "  noise_schedule \"linear\" of duplicate 0.1.0 exists already\n"
        "    first: lldm 0.1.0\n"
        "    again: duplicate 0.1.0 (bad/duplicate.cpp:7); rename one of them");
}

// promise 13
TEST_CASE("load_plugin refuses a plugin that registers nothing", "[plugin]") {
  CHECK(refusal_of("empty") ==
        "plugin \"empty\" 0.1.0 registers no component\n"
        "  write registry.add<YourComponent>() in its LLDM_PLUGIN block");
}

TEST_CASE("build_id names lldm, LibTorch, compiler, C++ ABI and CUDA", "[plugin]") {
  const std::string id(lldm::build_id());
  CHECK(id.find("lldm 0.1.0; libtorch 2.11.0") == 0);
  CHECK(id.find("; gcc ") != std::string::npos);
  CHECK(id.find("; cxx11abi 1; cuda ") != std::string::npos);
}
