// A program that has only what `cmake --install` gives it.
#include <linnet/command_line.hpp>

int main() {
  const char* const arguments[] = {"linnet", "archs", "--json"};
  return linnet::RunCommandLine(3, arguments);
}
