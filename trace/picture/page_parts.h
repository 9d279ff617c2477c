/// The files that a page is made of, embedded by the build. Invariant: as they stand in this
/// folder.
#pragma once

#include <string_view>

namespace rill::picture {

extern const std::string_view page_markup;   ///< page.html
extern const std::string_view page_style;    ///< page.css
extern const std::string_view page_layout;   ///< layout.js
extern const std::string_view page_picture;  ///< picture.js
extern const std::string_view page_script;   ///< page.js

}  // namespace rill::picture
