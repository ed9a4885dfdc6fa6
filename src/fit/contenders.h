// Contenders: which of the networks inside the budget are compared by training.
//
// Comparing takes time that the winner then lacks, so few should take part. First the time decides:
// a network that cannot see enough pictures in it is left out. Of the others the widest of each
// resolution take part: which of these is best is what training them shows.
#ifndef LINNET_FIT_CONTENDERS_H_
#define LINNET_FIT_CONTENDERS_H_

#include <functional>
#include <vector>

#include "fit/report.h"

namespace linnet {

// Pictures a network must see before being wide pays off, for each of its parameters: a network of
// twice the width has four times the parameters and trains at a third of the speed. Measured on
// CIFAR-10, MobileNet V1 on 32 pixels, 30 minutes of one thread each: width 0.25 saw 2.5 a
// parameter (12 passes) and ended at 83.3 % on the validation pictures, width 0.125 saw 26 (34
// passes) and ended at 85.2 %.
inline constexpr double kPicturesPerParameter = 5;
// Passes after which more of them teach a network of any size little.
inline constexpr double kEnoughEpochs = 30;
// Of the multiply-adds of the largest network that can be trained, what one must do to take part.
// Of networks that saw enough pictures, twice the multiply-adds are worth 4 to 7 points
// (1704.04861, Tables 6 and 7). Not a half: of multiply-adds for pixels and for width those for
// pixels are worth more, as long as the pictures have them. After two passes over CIFAR-10, width
// 0.25 at 32 pixels has 59.3 %, 0.35 at 24 55.0 % and 0.5 at 16 51.6 %, of about as many.
inline constexpr double kLeastShareOfMacs = 0.25;
// Pictures that a training of the first round must see for its accuracy to say anything; one pass
// if there are fewer.
inline constexpr double kLeastPicturesCompared = 10000;

struct TrainingBounds {
  double comparison_seconds = 0;  // of all rounds together
  double winner_seconds = 0;      // of the winner's training
  double training_pictures = 0;   // of one pass
  int picture_side = 0;           // pixels
};

// Passes over so many pictures that the candidate's training as the winner makes in 'seconds', its
// growing inputs (train/growth.h) counted.
double PassesInSeconds(const ReportCandidate& candidate, double pictures, double seconds);

// Pictures a second in training.
using SpeedOf = std::function<double(const ReportCandidate&)>;

// Of the candidates inside the budget (kNotTried), fills in 'speed' as far as it is asked, marks
// those that the time cannot train (kTooLong) and returns the indices of those to compare, fastest
// first: the widest of each resolution, the largest of them if the rounds have no time for all.
// Where the time is enough for none, the one for which it is nearest to enough.
std::vector<size_t> ChooseContenders(const TrainingBounds& bounds, const SpeedOf& speed_of,
                                     std::vector<ReportCandidate>& candidates);

}  // namespace linnet

#endif  // LINNET_FIT_CONTENDERS_H_
