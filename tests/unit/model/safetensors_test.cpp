// SPDX-License-Identifier: MIT
#include "lldm/model/safetensors.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <cstring>
#include <ctime>
#include <fstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;

using Folder = lldm::testing::TemporaryFolder;
using lldm::testing::read_file;

std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\1');
}

std::string error_of(const std::string& bytes) {
  try {
    lldm::parse_safetensors_header(bytes, bytes.size(), "f");
  } catch (const lldm::DataError& error) {
    return error.what();
  }
  return "";
}

void check_error(const std::string& bytes, const std::string& name) {
  INFO("expected " << name << ", got: " << error_of(bytes));
  CHECK(error_of(bytes).rfind("f: " + name + ":", 0) == 0);
}

}  // namespace

TEST_CASE("safetensors headers that the reference reader refuses are refused by the same name",
          "[model][safetensors]") {
  const std::string one = R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  CHECK(error_of(file_of(one, 8)).empty());
  CHECK(error_of(file_of("  " + one + "   ", 8)).empty());  // whitespace on both sides is legal
  CHECK(error_of(file_of("{}", 0)).empty());

  check_error("\x3c\0\0", "HeaderTooSmall");
  check_error(std::string("\xff\xff\xff\xff\xff\xff\xff\x0f", 8), "HeaderTooLarge");
  check_error("\xef\xbb\xbf" + file_of(one, 8), "HeaderTooLarge");
  CHECK_THAT(error_of("\xef\xbb\xbf" + file_of(one, 8)),
             lldm::testing::contains("begins with a byte-order mark"));
  check_error(file_of(one, 0).substr(0, 20), "InvalidHeaderLength");
  check_error(file_of("\xff\xfe{}", 0), "InvalidHeader");
  check_error(file_of("", 0), "InvalidHeaderDeserialization");
  check_error(file_of("[]", 0), "InvalidHeaderDeserialization");
  check_error(file_of("{\"t\":1}", 0), "InvalidHeaderDeserialization");
  check_error(file_of("{} x", 0), "InvalidHeaderDeserialization");
  check_error(file_of(one, 9), "MetadataIncompleteBuffer");
  check_error(file_of(one, 7), "MetadataIncompleteBuffer");
}

// promise 22
TEST_CASE("safetensors entries that lie about their place or size are refused",
          "[model][safetensors]") {
  const auto entry = [](const std::string& name, const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  const auto only = [&](const std::string& dtype, const std::string& shape,
                        const std::string& offsets, std::size_t bytes) {
    return file_of("{" + entry("t", dtype, shape, offsets) + "}", bytes);
  };
  CHECK(error_of(only("F32", "[]", "[0,4]", 4)).empty());
  CHECK(error_of(only("F32", "[2,0]", "[0,0]", 0)).empty());
  CHECK(error_of(only("F4", "[2]", "[0,1]", 1)).empty());

  check_error(only("F32", "[2]", "[4,12]", 12), "InvalidOffset");    // hole before
  check_error(only("F32", "[2]", "[0,9]", 9), "TensorInvalidInfo");  // size
  check_error(only("F32", "[2]", "[8,0]", 8), "InvalidOffset");      // backwards
  check_error(only("F4", "[1]", "[0,1]", 1), "MisalignedSlice");     // half a byte
  check_error(only("F32", "[4294967296,4294967296,4]", "[0,8]", 8), "ValidationOverflow");
  check_error(only("F32", "[18446744073709551615]", "[0,8]", 8), "ValidationOverflow");
  check_error(only("U8", "[9223372036854775808,0]", "[0,0]", 0), "ValidationOverflow");
  // Faults are told in the reference's order: the JSON as a whole, then tensor by tensor.
  check_error(only("U8", "[18446744073709551615]", "[0,8,9]", 8), "InvalidHeaderDeserialization");
  check_error(only("U8", "[18446744073709551615]", "[1,8]", 8), "InvalidOffset");
  check_error(only("F32", "[-1]", "[0,8]", 8), "InvalidHeaderDeserialization");
  check_error(only("F32", "[1.5]", "[0,8]", 8), "InvalidHeaderDeserialization");
  check_error(only("F33", "[2]", "[0,8]", 8), "InvalidHeaderDeserialization");
  check_error(only("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]", 4), "InvalidHeaderDeserialization");

  const auto pair = [&](const std::string& first, const std::string& second, std::size_t bytes) {
    return file_of(
        "{" + entry("a", "U8", "[4]", first) + "," + entry("b", "U8", "[4]", second) + "}", bytes);
  };
  CHECK(error_of(pair("[4,8]", "[0,4]", 8)).empty());  // any order in the header
  check_error(pair("[0,4]", "[2,6]", 6), "InvalidOffset");
  check_error(pair("[0,4]", "[5,9]", 9), "InvalidOffset");
  check_error(pair("[0,4]", "[0,4]", 4), "InvalidOffset");

  const std::string t = entry("t", "U8", "[1]", "[0,1]");
  check_error(file_of("{" + t + "," + t + "}", 1), "InvalidHeaderDeserialization");  // twice
  check_error(file_of("{\"__metadata__\":{\"a\":1}}", 0), "InvalidHeaderDeserialization");
  check_error(file_of(std::string(100, '['), 0), "InvalidHeaderDeserialization");
  check_error(file_of("{\"" + std::string(513, 'n') + "\":" + t.substr(4) + "}", 1),
              "InvalidHeaderDeserialization");
}

// promise 23
TEST_CASE("safetensors headers are read as the reference reads them, or refused by name",
          "[model][safetensors]") {
  const std::string entry = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  const auto named = [&](const std::string& name) {
    return file_of("{\"" + name + "\":" + entry + "}", 1);
  };
  CHECK(error_of(named(std::string(300, 'n'))).empty());
  CHECK(error_of(named("a/b c")).empty());
  CHECK(error_of(named("nul\\u0000")).find("no NUL") != std::string::npos);
  CHECK(error_of(named(std::string(513, 'n'))).find("tensor \"nnnn") != std::string::npos);
  // Unknown keys are skipped with all they hold; null metadata is none; keys come in any order.
  CHECK(error_of(file_of(R"({"__metadata__":null,"t":{"x":[1,{"dtype":[2]}],"data_offsets":[0,1],)"
                         R"("y":null,"shape":[1],"z":"s","dtype":"U8"}})",
                         1))
            .empty());
  check_error(file_of("\xEF\xBB\xBF{}", 0), "InvalidHeaderDeserialization");
  check_error(file_of("x{}", 0), "InvalidHeaderDeserialization");
  check_error(file_of(std::string("{}\0", 3), 0), "InvalidHeaderDeserialization");
  check_error(file_of(std::string("{}\0{}", 5), 0), "InvalidHeaderDeserialization");
  check_error(file_of("null", 0), "InvalidHeaderDeserialization");
  for (const std::string bad :
       {R"({"t":{}})", R"({"t":[]})", R"({"t":null})", R"({"__metadata__":[]})",
        R"({"__metadata__":{},"__metadata__":{}})", R"({"__metadata__":{"a":"1","a":"2"}})",
        R"({"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
        R"({"t":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})",
        R"({"t":{"dtype":"U8","shape":{},"data_offsets":[0,1]}})",
        R"({"t":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})",
        R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})",
        R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0]}})",
        R"({"t":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}})",
        R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[-0,1]}})"})
    check_error(file_of(bad, 1), "InvalidHeaderDeserialization");
  const std::string deep = R"({"t":{"x":)" + std::string(200, '[') + std::string(200, ']') + "}}";
  CHECK(error_of(file_of(deep, 0)).find("nested deeper than 127 levels") != std::string::npos);
}

// Once 15 seconds, and 2 GB.
// promise 22
TEST_CASE("Large safetensors headers take linear time and little memory", "[model][safetensors]") {
  std::string many = "{";
  for (int i = 0; i < 60'000; ++i)
    many += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) +
            R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  const std::clock_t begin = std::clock();
  CHECK(error_of(file_of(many + "}", 0)).empty());
  std::string list = R"({"t":{"dtype":"F32","data_offsets":[0,0],"shape":[0)";
  for (int i = 0; i < 10'000'000; ++i) list += ",0";
  CHECK(error_of(file_of(list + "]}}", 0)).find("rank is above the limit") != std::string::npos);
  std::string skipped = R"({"t":{"dtype":"F32","data_offsets":[0,0],"shape":[0],"x":[0)";
  for (int i = 0; i < 10'000'000; ++i) skipped += ",0";
  CHECK(error_of(file_of(skipped + "]}}", 0)).empty());
  CHECK(std::clock() - begin < 10 * CLOCKS_PER_SEC);  // of the processor: others may want it
}

TEST_CASE("safetensors names a file that is another kind", "[model][safetensors]") {
  const Folder folder;
  const auto said = [&](const std::string& bytes) -> std::string {
    std::ofstream(folder.path() / "t", std::ios::binary) << bytes;
    try {
      lldm::load_safetensors(folder.path() / "t");
    } catch (const lldm::DataError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(said("\x1f\x8b\x08gzip...").find("t: is compressed with gzip") != std::string::npos);
  CHECK(said("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
            .find("t: is a Git LFS pointer") != std::string::npos);
  CHECK(said("PK\x03\x04...........").find("t: is a zip archive") != std::string::npos);
  CHECK(said("\x80\x02}q\x01.........").find("t: is a Python pickle") != std::string::npos);
}

TEST_CASE("safetensors files come back as they were written", "[model][safetensors]") {
  const Folder folder;
  const auto path = folder.path() / "t.safetensors";
  const auto numbers = at::arange(6, at::kFloat).reshape({2, 3});
  lldm::TensorMap tensors{{"empty", at::zeros({0, 4}, at::kFloat)},
                          {"scalar", at::scalar_tensor(2.5, at::kDouble)},
                          {"transposed", numbers.t()}};
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                          at::kShort, at::kChar, at::kByte, at::kBool})
    tensors[std::string("of_") + at::toString(type)] = numbers.to(type);
  lldm::save_safetensors(path, tensors);
  const auto back = lldm::load_safetensors(path);
  REQUIRE(back.size() == tensors.size());
  for (const auto& [name, value] : tensors) {
    INFO(name);
    CHECK(back.at(name).scalar_type() == value.scalar_type());
    CHECK(at::equal(back.at(name), value));
  }
  const auto bytes = read_file(path);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(bytes.find("{\"__metadata__\":{\"format\":\"pt\"},\"of_Long\"") ==
        8);  // widest dtype first
  CHECK(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("safetensors tensors are read in pieces as they are read whole", "[model][safetensors]") {
  const Folder folder;
  const auto path = folder.path() / "t.safetensors";
  const auto most = lldm::kTensorPieceBytes / 4;
  const lldm::TensorMap tensors{{"empty", at::zeros({0, 4}, at::kFloat)},
                                {"exact", at::arange(2 * most, at::kFloat)},
                                {"more", at::arange(2 * most + 3, at::kFloat).reshape({-1, 1})},
                                {"narrow", at::arange(3 * most, at::kFloat).to(at::kBFloat16)}};
  lldm::save_safetensors(path, tensors);
  for (const auto reading : {lldm::WeightReading::read, lldm::WeightReading::mapped}) {
    const lldm::SafetensorsFile file(path, reading);
    for (const auto& [name, value] : tensors) {
      INFO(name);
      auto back = at::full_like(value, -1).view(-1);
      std::int64_t pieces = 0;
      file.read_pieces(name, [&](std::int64_t first, const at::Tensor& numbers) {
        CHECK(static_cast<std::int64_t>(numbers.nbytes()) <=
              (reading == lldm::WeightReading::read ? lldm::kTensorPieceBytes
                                                    : static_cast<std::int64_t>(value.nbytes())));
        back.narrow(0, first, numbers.numel()).copy_(numbers);
        ++pieces;
      });
      CHECK(at::equal(back, value.view(-1)));
      if (reading == lldm::WeightReading::read)
        CHECK(pieces == (name == "empty" ? 0 : name == "more" ? 3 : 2));
    }
  }
}

// promise 22
TEST_CASE("a safetensors file cut short anywhere is refused", "[model][safetensors]") {
  const Folder folder;
  const auto path = folder.path() / "t.safetensors";
  lldm::save_safetensors(path,
                         {{"a", at::arange(7, at::kFloat)}, {"b", at::zeros({2}, at::kLong)}});
  const auto bytes = read_file(path);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(size));
    INFO("cut to " << size << " of " << bytes.size());
    CHECK_THROWS_AS(lldm::load_safetensors(path), lldm::DataError);
  }
}

TEST_CASE("mapped tensors are those that are read, and a file that was cut is told",
          "[model][safetensors]") {
  const Folder folder;
  const auto path = folder / "f.safetensors";
  // Bytes first puts what follows them at an odd place: such tensors are read.
  const lldm::TensorMap tensors = {{"a", at::arange(6000, at::kFloat).view({60, 100})},
                                   {"b", at::arange(7, at::kByte)},
                                   {"c", at::arange(5, at::kDouble)},
                                   {"d", at::scalar_tensor(3.0F)},
                                   {"e", at::zeros({0, 4})}};
  lldm::save_safetensors(path, tensors);
  const lldm::SafetensorsFile mapped(path, lldm::WeightReading::mapped);
  for (const auto& [name, value] : tensors) {
    INFO(name);
    const auto found = mapped.read(name);
    CHECK(found.scalar_type() == value.scalar_type());
    CHECK(at::equal(found, value));
  }
  fs::resize_file(path, fs::file_size(path) - 1);
  CHECK_THROWS_WITH(lldm::SafetensorsFile(path, lldm::WeightReading::mapped),
                    lldm::testing::contains("MetadataIncompleteBuffer"));
  CHECK_THROWS_WITH(mapped.read("b"), lldm::testing::contains("ended early"));
  CHECK_NOTHROW(mapped.read("c"));
}

namespace {

/// Pages of files, and of no file, that this process holds in memory, in bytes.
struct Resident {
  std::int64_t files = 0, own = 0;
};

Resident resident() {
  std::ifstream in("/proc/self/status");
  Resident found;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("RssFile:")) found.files = std::stoll(line.substr(8)) << 10;
    if (line.starts_with("RssAnon:")) found.own = std::stoll(line.substr(8)) << 10;
  }
  return found;
}

}  // namespace

TEST_CASE("mapped tensors are resident while they are looked at, and are no memory of ours",
          "[model][safetensors]") {
  constexpr std::int64_t kBytes = 32 << 20;
  const Folder folder;
  const auto path = folder / "f.safetensors";
  lldm::TensorMap tensors;
  for (const char* name : {"a", "b", "c", "d"}) tensors[name] = at::zeros({kBytes / 4}, at::kFloat);
  lldm::save_safetensors(path, tensors);
  tensors.clear();
  const lldm::SafetensorsFile mapped(path, lldm::WeightReading::mapped);
  const Resident before = resident();
  std::int64_t files = 0, own = 0;
  for (const char* name : {"a", "b", "c", "d"}) {
    const auto value = mapped.read(name);
    const auto* bytes = static_cast<const volatile char*>(value.const_data_ptr());
    std::int64_t sum = 0;
    for (std::size_t at = 0; at < value.nbytes(); at += 4096) sum += bytes[at];
    CHECK(sum == 0);
    files = std::max(files, resident().files - before.files);
    own = std::max(own, resident().own - before.own);
  }
  CHECK(files >= kBytes / 2);
  CHECK(files <= kBytes + kBytes / 2);  // one of four
  CHECK(own < kBytes / 4);
  CHECK(resident().files - before.files < kBytes / 4);
}

TEST_CASE("safetensors says what it cannot read or write", "[model][safetensors]") {
  const Folder folder;
  CHECK_THROWS_AS(lldm::load_safetensors(folder.path() / "none"), lldm::DataError);
  CHECK_THROWS_AS(lldm::load_safetensors(folder.path()), lldm::DataError);  // a folder
  const auto path = folder.path() / "t.safetensors";
  std::ofstream(path, std::ios::binary)
      << file_of(R"({"t":{"dtype":"U16","shape":[1],"data_offsets":[0,2]}})", 2);
  CHECK_THROWS_WITH(lldm::load_safetensors(path),
                    path.string() +
                        ": tensor \"t\" has dtype U16\n"
                        "  readable: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL");
  std::ofstream(path, std::ios::binary)
      << file_of(R"({"t":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})", 0) + "\x03";
  CHECK_THROWS_WITH(lldm::load_safetensors(path),
                    path.string() + ": tensor \"t\": element 0 of a BOOL is 3, must be 0 or 1");
  std::ofstream(path, std::ios::binary) << file_of(
      R"({"t":{"dtype":"U8","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}})", 0);
  CHECK_THROWS_AS(lldm::load_safetensors(path), lldm::DataError);  // its strides do not fit 63 bits
  const auto before = read_file(path);
  CHECK_THROWS_AS(lldm::save_safetensors(path, {{"t", at::zeros({1}, at::kComplexFloat)}}),
                  lldm::DataError);
  CHECK_THROWS_AS(lldm::save_safetensors(path, {{"__metadata__", at::zeros({1})}}),
                  lldm::DataError);
  CHECK(read_file(path) == before);
  CHECK_THROWS_AS(lldm::save_safetensors(folder.path() / "no" / "t", {}), lldm::Error);
}
