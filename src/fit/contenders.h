// Contenders: which of the networks inside the budget are compared by training.
//
// A short training favours small networks, so comparing alone would never choose a wide one; and a
// long one has no time for many. So first the time decides: a network that cannot see enough
// pictures in it is left out, and of each input size the widest of the others take part.
#ifndef LINNET_FIT_CONTENDERS_H_
#define LINNET_FIT_CONTENDERS_H_

#include <functional>
#include <vector>

#include "fit/report.h"

namespace linnet {

// Pictures a network must see before being wide pays off, for each of its parameters. A network of
// twice the width has four times the parameters and trains at a third of the speed; on CIFAR-10
// MobileNet V1 of width 0.5 is ahead of width 0.35 from some 5 to 9 passes on, which is 0.25 to 0.5
// pictures a parameter. The lower end, because the comparison corrects towards small networks only.
inline constexpr double kPicturesPerParameter = 0.25;
// Passes after which more of them teach a network of any size little.
inline constexpr double kEnoughEpochs = 30;
// Networks of one input size that are compared, where there is time.
inline constexpr int kWidthsCompared = 2;
// Pictures that a training of the first round must see for its accuracy to say anything; one pass
// if there are fewer.
inline constexpr double kLeastPicturesCompared = 10000;

struct TrainingTime {
  double comparison_seconds = 0;  // of all rounds together
  double winner_seconds = 0;      // of the winner's training
  double training_pictures = 0;   // of one pass
};

// Pictures a second in training.
using SpeedOf = std::function<double(const ReportCandidate&)>;

// Of the candidates inside the budget (kNotTried), fills in 'speed' as far as it is asked, marks
// those that the time cannot train (kTooLong) and returns the indices of those to compare, fastest
// first: of each resolution the widest, and one more where the rounds have time. Where the time is
// enough for none, the one for which it is nearest to enough.
std::vector<size_t> ChooseContenders(const TrainingTime& time, const SpeedOf& speed_of,
                                     std::vector<ReportCandidate>& candidates);

}  // namespace linnet

#endif  // LINNET_FIT_CONTENDERS_H_
