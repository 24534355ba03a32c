// SPDX-License-Identifier: MIT
#include "lldm/memory/device.hpp"

#include <algorithm>
#include <fstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

namespace {

template <class Work>
std::string refusal(Work work) {
  try {
    work();
  } catch (const lldm::Error& error) {
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("select_device takes cpu as it is and refuses unknown words", "[memory][device]") {
  CHECK(lldm::select_device("cpu").device == "cpu");
  CHECK_THROWS_AS(lldm::select_device("gpu"), lldm::ConfigError);
  CHECK(refusal([] { return lldm::select_device("gpu"); }) ==
        "device \"gpu\" is unknown\n  devices: cpu, cuda, cuda:N, auto");
  for (const char* word : {"cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda1", "CUDA"})
    CHECK(refusal([&] { return lldm::select_device(word); }).find("is unknown") !=
          std::string::npos);
}

TEST_CASE("select_device refuses a GPU that is not there, by its number", "[memory][device]") {
  const std::string text = refusal([] { return lldm::select_device("cuda:99"); });
  CHECK(text.find("is unknown") == std::string::npos);
  CHECK(text.find("device = \"cpu\" runs here") != std::string::npos);
  if (lldm::is_cuda_library_loaded()) CHECK(text.find("there is no GPU 99") != std::string::npos);
}

TEST_CASE("device_kind is the device without its number", "[memory][device]") {
  CHECK(lldm::device_kind("cuda:3") == "cuda");
  CHECK(lldm::device_kind("cuda") == "cuda");
  CHECK(lldm::device_kind("cpu") == "cpu");
  CHECK(lldm::device_kind("cuda:x") == "cuda:x");
}

TEST_CASE("the LibTorch that is loaded is the one of the build", "[memory][device]") {
  CHECK(lldm::loaded_libtorch_version() == "2.11.0");
  CHECK_NOTHROW(lldm::require_loaded_libtorch());
}

TEST_CASE("select_device says why auto chose, and cuda runs or says what is missing",
          "[memory][device]") {
  const lldm::DeviceChoice choice = lldm::select_device("auto");
  CHECK_FALSE(choice.reason.empty());
  CHECK(choice.reason.find('\n') == std::string::npos);
  if (choice.device == "cuda") {
    CHECK(lldm::select_device("cuda").device == "cuda");
  } else {
    CHECK(choice.device == "cpu");
    const std::string text = refusal([] { return lldm::select_device("cuda"); });
    CHECK(text.starts_with(choice.reason));
    CHECK(text.find("device = \"cpu\" runs here") != std::string::npos);
  }
}

TEST_CASE("load_cuda_library names the file that is missing or is none of ours",
          "[memory][device]") {
  if (lldm::is_cuda_library_loaded()) return;  // a GPU machine: loading again does nothing
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  CHECK(refusal([&] { lldm::load_cuda_library(folder / "no_such_library.so"); })
            .starts_with("device \"cuda\": " + (folder / "no_such_library.so").string() +
                         " is not there\n"));
  const std::filesystem::path text_file = folder / "lldm_device_test_text.so";
  std::ofstream(text_file) << "not a library\n";
  CHECK(refusal([&] {
          lldm::load_cuda_library(text_file);
        }).starts_with("device \"cuda\": lldm_device_test_text.so cannot be loaded: "));
  std::filesystem::remove(text_file);
  CHECK(refusal([&] {
          lldm::load_cuda_library(lldm::library_folder() / "liblldm.so");
        }).ends_with("is not lldm's CUDA library\n  it has no function lldm_cuda_functions"));
  CHECK_FALSE(lldm::is_cuda_library_loaded());
}

TEST_CASE("library_folder is where liblldm.so lies", "[memory][device]") {
  CHECK(std::filesystem::exists(lldm::library_folder() / "liblldm.so"));
}

TEST_CASE("environment_facts name the versions that a bug report needs", "[memory][device]") {
  const auto facts = lldm::environment_facts();
  const auto value = [&](std::string_view name) {
    const auto found = std::ranges::find(facts, name, &lldm::EnvironmentFact::name);
    return found == facts.end() ? std::string("absent") : found->value;
  };
  CHECK(value("libtorch").starts_with("2.11.0"));
  CHECK(value("lldm") == "0.1.0");
  CHECK(value("memory").ends_with("iB"));
  for (const auto* name : {"compiler", "processor", "threads", "cuda", "library"}) {
    CHECK(value(name) != "absent");
    CHECK_FALSE(value(name).empty());
  }
}
