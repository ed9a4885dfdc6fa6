// The program `linnet`. Everything it does is in the command table, behind the public header.
#include <linnet/command_line.hpp>

int main(int argc, char** argv) { return linnet::RunCommandLine(argc, argv); }
