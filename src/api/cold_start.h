// Cold start: from the start of a process to its first answer.
#ifndef LINNET_API_COLD_START_H_
#define LINNET_API_COLD_START_H_

#include <cstddef>
#include <string>
#include <vector>

#include "infer/latency.h"

namespace linnet {

struct ColdStart {
  Latency latency;                   // until the first byte of the answer
  std::vector<std::string> answers;  // what each wrote
};

// Starts 'words' (a program and its arguments) 'runs' times, one after the other, and reads what
// each writes to its standard output. One more comes first, to have the files in memory. Error
// (kUsage) if it cannot be started; with the program's own words, by its exit code, if that is not
// 0.
ColdStart MeasureColdStart(const std::vector<std::string>& words, int runs);

// The most that this process has had in memory, by Linux's count; 0 where it is not told.
// (getrusage's number begins with that of the process that started this one.)
size_t PeakResidentBytes();

}  // namespace linnet

#endif  // LINNET_API_COLD_START_H_
