// Runs the Python scripts of this folder, which compute with PyTorch what Linnet is compared with.
#ifndef LINNET_TESTS_PARITY_PYTHON_SCRIPT_H_
#define LINNET_TESTS_PARITY_PYTHON_SCRIPT_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/safetensors.h"
#include "test_data.h"

namespace linnet {

// Whether python3 has a module ("torchvision"). A test that needs it is skipped where it has not:
//
//   if (!PythonHas("torchvision")) GTEST_SKIP() << "python3 has no torchvision (Debian: ...)";
inline bool PythonHas(const std::string& module) {
  const std::string find = "import sys, importlib.util as u; sys.exit(not u.find_spec(\"" + module +
                           "\"))";  // without loading it, which takes seconds
  return std::system((LINNET_PYTHON3 " -c '" + find + "'").c_str()) == 0;
}

// What 'script arguments FILE' writes to FILE. Empty where the script has failed; so has the test,
// then.
inline TensorFile FromPython(const std::string& script, const std::string& arguments = "") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/result.safetensors";
  const std::string command = LINNET_PYTHON3 " -B " LINNET_SOURCE_DIR "/tests/parity/" + script +
                              " " + arguments + " '" + path + "'";
  if (std::system(command.c_str()) != 0) {
    ADD_FAILURE() << command << " has failed";
    return {};
  }
  return LoadTensors(path);
}

}  // namespace linnet

#endif  // LINNET_TESTS_PARITY_PYTHON_SCRIPT_H_
