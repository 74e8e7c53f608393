// The parts of Asio and Beast that need no template argument are compiled here, once.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
