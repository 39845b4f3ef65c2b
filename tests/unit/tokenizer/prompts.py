# SPDX-FileCopyrightText: The Gesso authors
# SPDX-License-Identifier: Apache-2.0
"""Texts for make-references.py: what the miniature vocabulary is trained on, and what is asked of the tokenizers."""

import unicodedata

TRAINING_TEXT = """
a photograph of an astronaut riding a horse on the moon , highly detailed , digital painting , artstation , concept
art , sharp focus , illustration , by greg rutkowski and alphonse mucha a red circle on a blue background a green
square with yellow stripes the cat sat on the mat with its kittens while the dogs were sleeping in the sunshine a
portrait of an old man with a long white beard , oil on canvas , masterpiece , best quality , ultra realistic 4 k
wallpaper of mountains , lakes and forests in the morning mist , volumetric lighting , cinematic composition a cup of
coffee and croissants in a café in paris , déjà vu , naïve façade , crème brûlée , smörgåsbord , über , straße ,
größe , größer , groß , jalapeño , señorita , el niño , são paulo , coração , dvořák , łódź , źdźbło , ångström , øre
москва и санкт-петербург зимой , картина маслом , кошка на окне , привет мир αθήνα και θάλασσα , φως , ελλάδα ירושלים
שלום עולם القاهرة مرحبا بالعالم हिन्दी नमस्ते दुनिया ภาษาไทย 東京タワーの夜景 , 桜の花 , 日本語 , 日本 , 猫 , 北京 ,
你好世界 , 中国画 , 山水画 , 서울의 밤 , 고양이 , 한국어 don't can't won't it's they're we've i'll i'd i'm children's
the quick brown fox jumps over the lazy dog : ; ... ! ? ( ) [ ] - -- & * # @ % / 1 2 3 4 5 6 7 8 9 0 2 0 2 4 1 9 8 4
""" * 2

BASE = "a photograph of an astronaut riding a horse"
LONG = " ".join(["intricate details, sharp focus, volumetric lighting, artstation"] * 12)

PLAIN = [
    "",
    " ",
    "  \t \n ",
    "a",
    BASE,
    BASE.upper(),
    "A Photograph Of An Astronaut Riding A Horse, Highly Detailed!",
    "a red circle on a blue background",
    "portrait, oil on canvas, (masterpiece:1.2), [best quality]",
    "  leading and trailing   white    space  ",
    "don't can't won't it's they're we've I'll I'd I'm",
    "DON'T CAN'T WON'T IT'S THEY'RE WE'VE I'LL I'D I'M",
    "'s't're've'm'll'd",
    "'S 'T 'RE",
    "''s '''t x''s ''",
    "'sa 'sab 'll' 'l 'v 'r",
    "rock 'n' roll",
    "it\u2019s the children\u2019s hour",
    "hello! hello!! hello!!! !",
    "!!!!",
    "!",
    "!a!b!",
    "wow!?!...;:!",
    "a-b_c+d=e/f\\g|h~i`j^k",
    "100 % 1984 3.14159 1,000,000 2nd 4k 8K x2",
    "\u00bd \u00b2 \u2167 \u0663 \u2460 \u3007 \u1369 \U0001d7d9 \u00bd\u00bd x\u00b2y\u00b3 \u0663\u0664\u0665",
    "C++ C# F# .NET node.js user@example.com https://example.com/a?b=c&d=e#f",
    "&amp; &lt;b&gt; &#39; &quot;quoted&quot; &nbsp;",
    "<b>bold</b> <|not special|> <| |> <|>",
    "\"quoted\" \u201ccurly\u201d \u00abguillemets\u00bb \u300ccorner\u300d",
    "\u2014 em \u2013 en \u2026 ellipsis \u2022 bullet \u00b7 middle",
    "{prompt} {{x}} $HOME `code` C:\\path\\to",
]

SPACES = [
    "a" + s + "b" + s + s + "c" + s
    for s in "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u180e\u2000\u2003\u2009\u200a\u200b\u200c\u200d\u2028\u2029"
    "\u202f\u205f\u2060\u3000\ufeff\r"
] + ["a\r\n\r\nb", "\ufeffa cat", "a\u00a0\u3000 \t\u2003b"]

SPECIAL = [
    "<|startoftext|>",
    "<|endoftext|>",
    "<|STARTOFTEXT|>",
    "<|ENDOFTEXT|>",
    "<|EndOfText|> <|StartOfText|>",
    "a<|endoftext|>b",
    "A<|ENDOFTEXT|>B",
    "a <|endoftext|> b <|startoftext|> c",
    "a  <|endoftext|>   b",
    "<|endoftext|><|endoftext|><|startoftext|>",
    "<<|endoftext|>>",
    "<|endoftext|",
    "|endoftext|>",
    "<| endoftext |>",
    "<|endoftext|>!!! <|STARTOFTEXT|>!!!",
    "!!!<|ENDOFTEXT|>!!!",
    "x<|startoftext|>!!x<|STARTOFTEXT|>!!",
    "<|end\u00adoftext|> <|endofte\u0301xt|>",
    "<|\uff45ndoftext|> <|ENDOFTE\u212aT|>",
    "<plain> <PLAIN> a<plain>b ing painting Painting",
    "a <strip> b <STRIP> \t<strip>\u3000<strip>x",
    "<word> a<word> <word>b <word>, -<WORD>- \u0301<word> <word>\u200d <word>\u0301",
    "gro\u00dfes\u00a0haus GRO\u00dfES   HAUS Gro\u00dfes Haus gro\u00dfes\nhaus gro\u1e9ees haus",
    "<s <start <strip <strip>",
    "caf\u00e9 cafe\u0301 CAFE\u0301 a caf\u00e9 caf\u00e9s  caf\u00e9  x",
]

SCRIPTS = [
    "caf\u00e9 cafe\u0301 CAF\u00c9 CAFE\u0301",
    "na\u00efve fa\u00e7ade cr\u00e8me br\u00fbl\u00e9e \u00c5ngstr\u00f6m \u212bngstr\u00f6m A\u030angstro\u0308m",
    "Stra\u00dfe STRASSE STRA\u1e9eE Gr\u00f6\u00dfe GR\u00d6\u1e9eE",
    "\u0130stanbul ISTANBUL \u0131\u015f\u0131k I\u0307 i\u0307 \u0130\u0327 I\u0327\u0307",
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3 \u03a3\u03a3 \u03b1\u03a3 \u03b1\u03a3\u03b1 \u1f88 \u1fbc",
    "\u039c\u03ac\u03b9\u03bf\u03c2 \u03bc\u03b1\u0390\u03bf\u03c2 \u1f00\u03c1\u03c7\u03ae \u1f88\u03c1\u03c7\u0397\u0301",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u041c\u041e\u0421\u041a\u0412\u0410 \u0451\u0436\u0438\u043a "
    "\u0415\u0308\u0416\u0418\u041a \u0439 \u0438\u0306",
    "\u0421\u0430\u043d\u043a\u0442-\u041f\u0435\u0442\u0435\u0440\u0431\u0443\u0440\u0433 \u0437\u0438\u043c\u043e\u0439",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \ufb2a \u05e9\u05c1",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0627\u0653 \u0622 "
    "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f \u0645\u064f\u062d\u064e\u0645\u064e\u0651\u062f",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0928\u092e\u0938\u094d\u0924\u0947 \u0915\u093c \u0958 \u0915\u094d\u200d\u0937",
    "\u09ac\u09be\u0982\u09b2\u09be \u09c7\u09be \u09cb \u09a1\u09bc \u09dc",
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bc6\u0bbe \u0bca \u0b95\u0bcd\u0bb7",
    "\u0c24\u0c46\u0c32\u0c41\u0c17\u0c41 \u0c95\u0ca8\u0ccd\u0ca8\u0ca1 \u0cc6\u0cc2\u0cd5 \u0d2e\u0d32\u0d2f\u0d3e\u0d33\u0d02",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0e19\u0e49\u0e33 \u0e19\u0e4d\u0e49\u0e32",
    "\u0ea5\u0eb2\u0ea7 \u1019\u103c\u1014\u103a\u1019\u102c \u1025\u102e \u1026 \u1797\u17b6\u179f\u17b6",
    "\u0f56\u0f7c\u0f51 \u0f73 \u0f71\u0f72 \u0f75 \u0f81",
    "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8 \u10a5\u10a0\u10a0 \u1ca5\u1c90\u1ca0 \u0540\u0561\u0575\u0565\u0580\u0565\u0576",
    "\u1206\u12a0\u121b \u13e3\u13b3\u13a9 \uab70\uab71 \u13a0\u13f8 \u1401\u14c4 \u16a0\u16a2 \u1810\u1820",
    "\u6771\u4eac\u30bf\u30ef\u30fc\u306e\u591c\u666f \u684c\u306e\u82b1 \u732b",
    "\u304b\u3099 \u304c \u30cf\u309a \u30d1 \u30f4 \uff76\uff9e \u3042\u309b",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01 \u5c71\u6c34\u753b\u3002 \u2f00 \u4e00 \uf900 \u8c48 \ufa0e \U0002f800 \U00020000",
    "\uc11c\uc6b8\uc758 \ubc24 \uace0\uc591\uc774 \u1100\u1161 \uac00 \u1100\u1161\u11a8 \uac01 \uac00\u11a8 "
    "\u1112\u1161\u11ab\uae00 \ud55c\uae00",
    "\u1100\u1161\u11a7 \u1100\u1100\u1161 \u1161\u11a8 \u115f\u1160 \ua960\ud7b0",
    "Vi\u1ec7t Nam Vie\u0323\u0302t Vi\u00ea\u0323t Vie\u0302\u0323t \u01a0 O\u031b O\u031b\u0323",
    "\uff21\uff22\uff23 \uff41\uff42\uff43 \uff11\uff12 \uff0c\uff01 \ufb01\ufb02 \ufb00 \u0133 \u01c4 \u01c5 \u01c6",
    "\U00010400\U00010401 \U00010428 \U000104b0 \U00010c80 \U000118a0 \U00016e40 \U0001e900 \ua726 \ua64a \u2c00 \u1e00",
    "\U0001d400\U0001d7ce \U0001d15f \U0001d1bb \U0001d165\U0001d16e",
    "\u2126 \u03a9 \u03c9 \u212a K \u212b \u1e9b\u0323 \u1e9b \u0344 \u0343 \u0958 \u2adc \u2000 \u2329",
    "a\u0301\u0323 a\u0323\u0301 \u1ea1\u0301 a\u0315\u0300\u05ae\u0300b \u0061\u0345\u0301 e\u0327\u0301\u0304",
    "\u0301 \u0301\u0323 \u0301a \u0323\u0301x",
    "Z\u0335\u0321\u0322\u0353\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308a\u0363\u0364\u0365l\u0489\u0488go",
    "q\u0307\u0323 \u1e0b\u0323 d\u0323\u0307 \u1e0d\u0307 s\u0323\u0307 \u1e69",
    "q" + "\u0301\u0323\u0315\u0334" * 20 + " x",
    "\u1e9a \u0149 \u01f0 \u0390 \u03b0 \u0587 \ufb13 \u1fd3 \u1fe3",
    "\ud7ff\ue000 \ud7a3\ud7a4 \ufdd0 \ufffe \uffff \U0001fffe \U0010ffff \U000f0000 \ue001",
    "\u0378 \u0380 \u05ff \u0870 \u0cf3 \u1c89 \u1c8a \ua7cb \ua7cd \ua7dc \u0264 \u019b \U00010d50 \U00010d70 \U00016ea0 "
    "\U0001e5d0 \U00031350 \U000323b0 \U0002ebf0 \ua7ce \ua7d2 \ua7d4",
    "\U00011938 \U00011935\U00011930 \U000105d2\U00000307 \U000105c9 \U00016d63\U00016d67 \U00016d6a "
    "\U00011382\U000113c9 \U0001e6e3 \u1ac1\u0301 \u0898\u0301 a\u0301\u0898 \u1ad0a",
    "\x01\x02\x1b[31m\x7f\x80\x9f \x08\x0e \xad \u061c \u200e\u202a\u2066 \ufff9\ufffc\ufffd \U000e0041",
]

EMOJI = [
    "\U0001f600 \U0001f600\U0001f600 \U0001f602\U0001f923",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f469\U0001f3fd\u200d\U0001f680 \u2764\ufe0f\u200d\U0001f525",
    "\U0001f1e9\U0001f1ea \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f \U0001f3f3\ufe0f\u200d\U0001f308",
    "1\ufe0f\u20e3 #\ufe0f\u20e3 \u00a9\ufe0f \u2122 \u00ae \u263a\ufe0f \u2603 \u2605\u2606 \u2192 \u221e \u2211 \u221a",
    "cat\U0001f431cat \U0001f431!\U0001f431 (\U0001f431)",
    "\u26a1\U0001f308\u2728 sparkle \u2728",
    "\U0001fae8 \U0001fa77 \U0001fadf \U0001fac8",
]

LENGTHS = [
    LONG,
    LONG.upper(),
    "cat " * 73 + "end",
    "cat " * 74 + "end",
    "cat " * 75,
    "cat " * 75 + "end",
    "cat " * 75 + " \n\t",
    "cat " * 76 + "end",
    "cat " * 75 + "<|endoftext|>",
    "cat " * 74 + "<|endoftext|> dog",
    "x" * 74,
    "x" * 75,
    "x" * 76,
    "x" * 400,
    "ab" * 200,
    "astronaut" * 40,
    "\u6771" * 60,
    "\u00e9" * 80,
    "e\u0301" * 80,
    "\U0001f600" * 40,
    "\U0001f600 " * 40,
    "a\u0301\u0323" * 60,
    "q" + "\u0323\u0301" * 90,
    "\u0130" * 60,
    "\u1100\u1161\u11a8" * 40,
    "!" * 100,
    "1234567890" * 10,
    "a " * 20,
    "a1" * 60,
    "'s" * 90,
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo.",
    "\u043a\u043e\u0448\u043a\u0430 " * 40,
    " " * 500 + "a",
    "a" + "\u3000" * 300 + "b" * 100,
]

# One of every block of 0x80 code points that has letters, and its neighbours, alone and within a word.
SWEEP = [
    " ".join(f"{chr(c)} a{chr(c)}b" for c in range(start, start + 6))
    for start in (*range(0xA0, 0x3200, 0x180), 0xA4D0, 0xA640, 0xA720, 0xA7F0, 0xAAE0, 0xAB30, 0xABE0, 0xD7C0, 0xF8FF - 3,
                  0xFB00, 0xFB1C, 0xFE00, 0xFE70, 0xFF10, 0xFF21, 0xFFF8, 0x10000, 0x10140, 0x10320, 0x10400, 0x10A00,
                  0x10D24, 0x11066, 0x11100, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x11C50, 0x12400, 0x16A60, 0x1BC00,
                  0x1D100, 0x1D164, 0x1D7F0, 0x1E140, 0x1E8C7, 0x1E8D0, 0x1E943, 0x1EC71, 0x1F100, 0x1FBF0, 0x2A6DD, 0x2FA1B,
                  0x3134A, 0xE0100)
]

# Compositions whose second half is no mark.
PAIRS = [
    " ".join(unicodedata.normalize("NFD", c) for c in group)
    for group in ("\u09cb\u09cc\u0b48\u0b4b\u0b4c\u0b94\u0bca\u0bcb\u0bcc\u0cc0\u0cc7\u0cc8\u0cca\u0ccb\u0d4a\u0d4b\u0d4c",
                  "\u0dda\u0ddc\u0ddd\u0dde\u1026\u1b06\u1b08\u1b0a\u1b0c\u1b0e\u1b12\u1b3b\u1b3d\u1b40\u1b41\u1b43",
                  "\U0001109a\U0001109c\U000110ab\U0001112e\U0001112f\U0001134b\U0001134c\U000114bb\U000114bc\U000114be\U000115ba"
                  "\U000115bb")
]

# Pairs of a base and marks whose order NFC decides.
MARKS = [
    base + first + second + " " + base + second + first
    for base in ("a", "e", "\u00ea", "\u0131", "\u1e9b", "\u03b1", "\u0418", "\u0915", "\u05e9")
    for first, second in (("\u0301", "\u0323"), ("\u0308", "\u0304"), ("\u0327", "\u0302"), ("\u0345", "\u0313"),
                          ("\u093c", "\u0301"), ("\u05c1", "\u05bc"))
]

PROMPTS = PLAIN + SPACES + SPECIAL + SCRIPTS + EMOJI + LENGTHS + SWEEP + PAIRS + MARKS

# For each of the rules about which file wins.
RULE_PROMPTS = [
    "",
    "a painting of a Painting!",
    "singing sing ING ing!!",
    "<|startoftext|> a <|STARTOFTEXT|> <|endoftext|>b<|ENDOFTEXT|>",
    "<pad> <PAD> x<pad>y <new> <NEW><new>  !",
    "<img> <IMG> <cls> <CLS> <z>  z <Z> z",
    "a</w> \u00e9 <|endoftext|",
    "cat " * 90,
]

# Textual inversions of three vectors, of one and of two.
VECTOR_PROMPTS = [
    "",
    "a <cat-toy>",
    "<cat-toy> and a <dog>, a <cat-toy>!",
    "a <CAT-TOY> beside a <Cat-toy>",
    "a <cat-toy>_1 and <cat-toy>_2",
    "in the <Style> of a <style>",
    "x<cat-toy>y <cat-toy><cat-toy>",
    "one two three four five six <cat-toy> <cat-toy> <cat-toy> <cat-toy> <Style>",
    "\u00e9 \u0301 <cat-toy>\u00e9",
]
