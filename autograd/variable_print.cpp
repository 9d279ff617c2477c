#include <ostream>

#include <rill/autograd/variable.h>

namespace rill {

std::ostream& operator<<(std::ostream& out, const Variable& variable) {
  return out << "Variable '" << variable.name() << "' " << name(variable.dtype()) << variable.shape().text() << ": "
             << variable.value();
}

}  // namespace rill
