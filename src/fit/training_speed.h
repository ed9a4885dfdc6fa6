// How fast a network trains here.
#ifndef LINNET_FIT_TRAINING_SPEED_H_
#define LINNET_FIT_TRAINING_SPEED_H_

#include "train/train.h"

namespace linnet {

// Pictures a second in training, loading included (decoding, too, if there are more pictures than
// ImageCache keeps), by the median of a few steps: a moment in which the machine did something else
// does not count.
double TrainingSpeed(const TrainJob& job);

}  // namespace linnet

#endif  // LINNET_FIT_TRAINING_SPEED_H_
