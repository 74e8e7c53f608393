#include "server/guessable.h"

#include <algorithm>
#include <array>
#include <vector>

namespace server {
namespace {

// What the published lists of leaked passwords are made of: the stems behind most of their entries of ten characters
// and more, in the languages of the people this is for. Entries of the lists are these with years, digits and each
// other.
constexpr std::string_view kCommonWords = R"(
password passwort passwd passphrase pass word wachtwoord motdepasse contrasena clave haslo parola senha
secret geheim geheimnis private privat access account admin administrator root user username benutzer gast guest login
logon signin welcome willkommen bienvenue bienvenido hello hallo bonjour hola ciao letmein trustno changeme change
default master system server computer laptop internet network netzwerk router wlan wifi samsung apple google android
windows microsoft linux ubuntu debian raspberry github facebook twitter instagram youtube netflix amazon paypal spotify
minecraft fortnite pokemon pikachu nintendo playstation xbox starwars startrek matrix avatar hobbit gandalf frodo
batman superman spiderman ironman joker naruto dragon drache monkey tiger panther eagle adler wolf bear shadow phoenix
unicorn einhorn butterfly schmetterling kitty kitten katze hund puppy doggy bunny hase mouse horse pferd fish flower
blume rose lily daisy cookie chocolate schokolade cheese kaese banana apfel orange lemon cherry peaches pepper ginger
coffee kaffee beer bier pizza sugar honey schatz schatzi liebe amour amore love lover loveyou iloveyou ichliebedich
jetaime teamo forever always immer family familie mother mutter mama mummy father vater papa daddy brother bruder sister
schwester baby babygirl angel engel princess prinzessin prince prinz queen king koenig hero soldier pirate ninja wizard
summer sommer winter spring fruehling autumn herbst january januar february februar march maerz april june juni july
juli august september october oktober november december dezember monday montag tuesday dienstag wednesday mittwoch
thursday donnerstag friday freitag saturday samstag sunday sonntag christmas weihnachten easter ostern birthday
geburtstag holiday urlaub today heute tomorrow morgen number nummer test tester testing test123 demo example beispiel
temp temporary sample office buero home house haus zuhause garden garten cloud nextcloud owncloud dropbox webdav caldav
backup mail email gmail hotmail yahoo phone telefon handy football fussball soccer baseball basketball hockey tennis
golf liverpool arsenal chelsea barcelona madrid juventus bayern muenchen schalke dortmund hamburg berlin koeln frankfurt
stuttgart deutschland germany austria oesterreich wien schweiz switzerland zuerich france paris london england america
newyork california texas australia canada ferrari porsche mercedes volkswagen bmw audi harley yamaha corvette mustang
charlie daniel michael thomas andreas stefan christian alexander sebastian matthias martin peter robert william james
john david george jordan hunter ranger thunder lightning killer fucker fuckyou fuckoff asshole bitch whatever nothing
nichts internet sunshine sonnenschein rainbow regenbogen stars moon mond star stern sonne heaven himmel freedom freiheit
jesus christ blessed faith hope hoffnung trust peace frieden happy gluecklich lucky money geld gold silver diamond
purple yellow green blue black white schwarz weiss gruen blau jennifer jessica ashley nicole amanda michelle melissa
sabrina sandra andrea claudia stephanie katharina julia anna maria laura sarah lisa marie sophie emma hannah charlotte
correct battery staple qwert qwertz qwerty azerty asdf yxcv zxcv
)";

// Rows of keyboards and the alphabet; runs go both ways.
constexpr std::array<std::string_view, 10> kRows = {"abcdefghijklmnopqrstuvwxyz",
                                                    "01234567890",
                                                    "qwertyuiop",
                                                    "qwertzuiop",
                                                    "azertyuiop",
                                                    "asdfghjkl",
                                                    "qsdfghjklm",
                                                    "zxcvbnm",
                                                    "yxcvbnm",
                                                    "wxcvbn"};
constexpr std::size_t kRunMin = 3;
constexpr std::size_t kOwnWordMin = 3;
constexpr std::size_t kYearDigits = 4;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
        if (text.empty()) return words;
        words.push_back(text.substr(0, text.find_first_of(" \n")));
        text.remove_prefix(words.back().size());
    }
}

bool stands_for(char typed, char letter) {
    switch (typed) {
        case '0': return letter == 'o';
        case '1': return letter == 'i' || letter == 'l';
        case '3': return letter == 'e';
        case '4': return letter == 'a';
        case '5': return letter == 's';
        case '7': return letter == 't';
        case '@': return letter == 'a';
        case '$': return letter == 's';
        case '!': return letter == 'i';
        default: return false;
    }
}

bool begins_with_word(std::string_view text, std::string_view word) {
    if (word.size() > text.size()) return false;
    return std::ranges::equal(text.substr(0, word.size()), word,
                              [](char typed, char letter) { return typed == letter || stands_for(typed, letter); });
}

bool begins_with_year(std::string_view text) {
    if (text.size() < kYearDigits || (!text.starts_with("19") && !text.starts_with("20"))) return false;
    return std::ranges::all_of(text.substr(0, kYearDigits), [](char c) { return c >= '0' && c <= '9'; });
}

// Octets at the front that walk along `row`, one way or the other.
std::size_t run_along(std::string_view text, std::string_view row) {
    std::size_t longest = 0;
    for (const bool forward : {true, false}) {
        std::size_t at = forward ? row.find(text[0]) : row.rfind(text[0]);
        std::size_t length = 0;
        while (at < row.size() && length < text.size() && row[at] == text[length]) {
            ++length;
            at += forward ? std::size_t{1} : std::size_t(-1);  // from 0 to beyond the end
        }
        longest = std::max(longest, length);
    }
    return longest;
}

std::size_t run_of_one(std::string_view text) {
    return std::min(text.find_first_not_of(text[0]), text.size());
}

bool begins_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

}  // namespace

std::size_t guessing_worth(std::string_view password, std::span<const std::string> own) {
    static const std::vector<std::string_view> common = split(kCommonWords);
    std::string text(password);
    std::ranges::transform(text, text.begin(), lower);
    std::vector<std::string> words;
    for (std::string word : own) {
        if (word.size() < kOwnWordMin) continue;
        std::ranges::transform(word, word.begin(), lower);
        words.push_back(std::move(word));
    }

    // worth[i]: the least for the octets before i.
    std::vector<std::size_t> worth(text.size() + 1, text.size());
    worth[0] = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto reach = [&](std::size_t length, std::size_t more) {
            worth[at + length] = std::min(worth[at + length], worth[at] + more);
        };
        const std::string_view rest = std::string_view(text).substr(at);
        reach(1, begins_character(rest[0]) ? 1 : 0);
        for (const auto word : common)
            if (begins_with_word(rest, word)) reach(word.size(), kGuessablePiece);
        for (const auto& word : words)
            if (begins_with_word(rest, word)) reach(word.size(), kGuessablePiece);
        if (begins_with_year(rest)) reach(kYearDigits, kGuessablePiece);
        std::size_t run = run_of_one(rest);
        for (const auto row : kRows) run = std::max(run, run_along(rest, row));
        for (std::size_t length = kRunMin; length <= run; ++length) reach(length, kGuessablePiece);
        for (std::size_t length = kRunMin; length <= std::min(at, rest.size()); ++length)
            if (text.compare(at - length, length, text, at, length) == 0) reach(length, kGuessablePiece);
    }
    return worth.back();
}

}  // namespace server
