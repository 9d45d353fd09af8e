#include "runtime/cuda/loader.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/cuda/device.h"

namespace gguf {
namespace {

TEST(Loader, NoLibraryIsNotFound) {
  const auto libraries = LoadCudaLibraries({"no/such/folder", "nor/this"});
  EXPECT_EQ(libraries.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(libraries.status().message(),
            "there is no libgguf_cuda.so in no/such/folder, nor/this; build it with --config=cuda, "
            "or use --device cpu");
}

TEST(Loader, WhatIsNoLibraryIsRefused) {
  const std::string folder = ::testing::TempDir();
  std::ofstream(absl::StrCat(folder, "/", kCudaLibrary)) << "text";
  const auto libraries = LoadCudaLibraries({folder});
  EXPECT_EQ(libraries.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StrContains(libraries.status().message(), kCudaLibrary)) << libraries.status();
}

TEST(Loader, TheFolderCanBeNamed) {
  ASSERT_EQ(setenv("GGUF_CUDA_PATH", "/named", 1), 0);
  EXPECT_EQ(CudaLibraryFolders(), std::vector<std::string>{"/named"});
  ASSERT_EQ(unsetenv("GGUF_CUDA_PATH"), 0);
  EXPECT_EQ(CudaLibraryFolders().size(), 3u);
}

// With --config=cuda: the library opens without a driver, knows its types, and says that there is
// no device.
TEST(Loader, TheLibraryOpensWithoutADevice) {
  const auto libraries = LoadCudaLibraries({"runtime/cuda"});
  if (absl::IsNotFound(libraries.status())) GTEST_SKIP() << "built without CUDA";
  ASSERT_TRUE(libraries.ok()) << libraries.status();
  EXPECT_NE(FindKernels(*libraries, TensorType::kQ4_K), nullptr);
  EXPECT_EQ(FindKernels(*libraries, TensorType::kIQ2_S) != nullptr, libraries->iq != nullptr);
  EXPECT_EQ(libraries->iq == nullptr, !libraries->why_no_iq.empty());
  const auto devices = Device::List(*libraries);
  if (devices.ok()) GTEST_SKIP() << "a device is here";
  EXPECT_EQ(devices.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::StartsWith(devices.status().message(), "no GPU can be used ("))
      << devices.status();
}

}  // namespace
}  // namespace gguf
