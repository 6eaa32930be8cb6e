// Made by scripts/make-keysym-table.mjs from X11's keysymdef.h and XF86keysym.h. One entry a keysym: its number in
// hexadecimal, its name, and the code point it types where it types one.
export const keysymTable = `
20 space 20,21 exclam 21,22 quotedbl 22,23 numbersign 23,24 dollar 24,25 percent 25,26 ampersand 26
27 apostrophe 27,28 parenleft 28,29 parenright 29,2a asterisk 2a,2b plus 2b,2c comma 2c,2d minus 2d,2e period 2e
2f slash 2f,30 0 30,31 1 31,32 2 32,33 3 33,34 4 34,35 5 35,36 6 36,37 7 37,38 8 38,39 9 39,3a colon 3a
3b semicolon 3b,3c less 3c,3d equal 3d,3e greater 3e,3f question 3f,40 at 40,41 A 41,42 B 42,43 C 43,44 D 44
45 E 45,46 F 46,47 G 47,48 H 48,49 I 49,4a J 4a,4b K 4b,4c L 4c,4d M 4d,4e N 4e,4f O 4f,50 P 50,51 Q 51,52 R 52
53 S 53,54 T 54,55 U 55,56 V 56,57 W 57,58 X 58,59 Y 59,5a Z 5a,5b bracketleft 5b,5c backslash 5c
5d bracketright 5d,5e asciicircum 5e,5f underscore 5f,60 grave 60,61 a 61,62 b 62,63 c 63,64 d 64,65 e 65,66 f 66
67 g 67,68 h 68,69 i 69,6a j 6a,6b k 6b,6c l 6c,6d m 6d,6e n 6e,6f o 6f,70 p 70,71 q 71,72 r 72,73 s 73,74 t 74
75 u 75,76 v 76,77 w 77,78 x 78,79 y 79,7a z 7a,7b braceleft 7b,7c bar 7c,7d braceright 7d,7e asciitilde 7e
a0 nobreakspace a0,a1 exclamdown a1,a2 cent a2,a3 sterling a3,a4 currency a4,a5 yen a5,a6 brokenbar a6
a7 section a7,a8 diaeresis a8,a9 copyright a9,aa ordfeminine aa,ab guillemotleft ab,ac notsign ac,ad hyphen ad
ae registered ae,af macron af,b0 degree b0,b1 plusminus b1,b2 twosuperior b2,b3 threesuperior b3,b4 acute b4
b5 mu b5,b6 paragraph b6,b7 periodcentered b7,b8 cedilla b8,b9 onesuperior b9,ba masculine ba
bb guillemotright bb,bc onequarter bc,bd onehalf bd,be threequarters be,bf questiondown bf,c0 Agrave c0
c1 Aacute c1,c2 Acircumflex c2,c3 Atilde c3,c4 Adiaeresis c4,c5 Aring c5,c6 AE c6,c7 Ccedilla c7,c8 Egrave c8
c9 Eacute c9,ca Ecircumflex ca,cb Ediaeresis cb,cc Igrave cc,cd Iacute cd,ce Icircumflex ce,cf Idiaeresis cf
d0 ETH d0,d1 Ntilde d1,d2 Ograve d2,d3 Oacute d3,d4 Ocircumflex d4,d5 Otilde d5,d6 Odiaeresis d6,d7 multiply d7
d8 Oslash d8,d9 Ugrave d9,da Uacute da,db Ucircumflex db,dc Udiaeresis dc,dd Yacute dd,de THORN de,df ssharp df
e0 agrave e0,e1 aacute e1,e2 acircumflex e2,e3 atilde e3,e4 adiaeresis e4,e5 aring e5,e6 ae e6,e7 ccedilla e7
e8 egrave e8,e9 eacute e9,ea ecircumflex ea,eb ediaeresis eb,ec igrave ec,ed iacute ed,ee icircumflex ee
ef idiaeresis ef,f0 eth f0,f1 ntilde f1,f2 ograve f2,f3 oacute f3,f4 ocircumflex f4,f5 otilde f5,f6 odiaeresis f6
f7 division f7,f8 oslash f8,f9 ugrave f9,fa uacute fa,fb ucircumflex fb,fc udiaeresis fc,fd yacute fd,fe thorn fe
ff ydiaeresis ff,1a1 Aogonek 104,1a2 breve 2d8,1a3 Lstroke 141,1a5 Lcaron 13d,1a6 Sacute 15a,1a9 Scaron 160
1aa Scedilla 15e,1ab Tcaron 164,1ac Zacute 179,1ae Zcaron 17d,1af Zabovedot 17b,1b1 aogonek 105,1b2 ogonek 2db
1b3 lstroke 142,1b5 lcaron 13e,1b6 sacute 15b,1b7 caron 2c7,1b9 scaron 161,1ba scedilla 15f,1bb tcaron 165
1bc zacute 17a,1bd doubleacute 2dd,1be zcaron 17e,1bf zabovedot 17c,1c0 Racute 154,1c3 Abreve 102,1c5 Lacute 139
1c6 Cacute 106,1c8 Ccaron 10c,1ca Eogonek 118,1cc Ecaron 11a,1cf Dcaron 10e,1d0 Dstroke 110,1d1 Nacute 143
1d2 Ncaron 147,1d5 Odoubleacute 150,1d8 Rcaron 158,1d9 Uring 16e,1db Udoubleacute 170,1de Tcedilla 162
1e0 racute 155,1e3 abreve 103,1e5 lacute 13a,1e6 cacute 107,1e8 ccaron 10d,1ea eogonek 119,1ec ecaron 11b
1ef dcaron 10f,1f0 dstroke 111,1f1 nacute 144,1f2 ncaron 148,1f5 odoubleacute 151,1f8 rcaron 159,1f9 uring 16f
1fb udoubleacute 171,1fe tcedilla 163,1ff abovedot 2d9,2a1 Hstroke 126,2a6 Hcircumflex 124,2a9 Iabovedot 130
2ab Gbreve 11e,2ac Jcircumflex 134,2b1 hstroke 127,2b6 hcircumflex 125,2b9 idotless 131,2bb gbreve 11f
2bc jcircumflex 135,2c5 Cabovedot 10a,2c6 Ccircumflex 108,2d5 Gabovedot 120,2d8 Gcircumflex 11c,2dd Ubreve 16c
2de Scircumflex 15c,2e5 cabovedot 10b,2e6 ccircumflex 109,2f5 gabovedot 121,2f8 gcircumflex 11d,2fd ubreve 16d
2fe scircumflex 15d,3a2 kra 138,3a3 Rcedilla 156,3a5 Itilde 128,3a6 Lcedilla 13b,3aa Emacron 112,3ab Gcedilla 122
3ac Tslash 166,3b3 rcedilla 157,3b5 itilde 129,3b6 lcedilla 13c,3ba emacron 113,3bb gcedilla 123,3bc tslash 167
3bd ENG 14a,3bf eng 14b,3c0 Amacron 100,3c7 Iogonek 12e,3cc Eabovedot 116,3cf Imacron 12a,3d1 Ncedilla 145
3d2 Omacron 14c,3d3 Kcedilla 136,3d9 Uogonek 172,3dd Utilde 168,3de Umacron 16a,3e0 amacron 101,3e7 iogonek 12f
3ec eabovedot 117,3ef imacron 12b,3f1 ncedilla 146,3f2 omacron 14d,3f3 kcedilla 137,3f9 uogonek 173
3fd utilde 169,3fe umacron 16b,47e overline 203e,4a1 kana_fullstop 3002,4a2 kana_openingbracket 300c
4a3 kana_closingbracket 300d,4a4 kana_comma 3001,4a5 kana_conjunctive 30fb,4a6 kana_WO 30f2,4a7 kana_a 30a1
4a8 kana_i 30a3,4a9 kana_u 30a5,4aa kana_e 30a7,4ab kana_o 30a9,4ac kana_ya 30e3,4ad kana_yu 30e5
4ae kana_yo 30e7,4af kana_tsu 30c3,4b0 prolongedsound 30fc,4b1 kana_A 30a2,4b2 kana_I 30a4,4b3 kana_U 30a6
4b4 kana_E 30a8,4b5 kana_O 30aa,4b6 kana_KA 30ab,4b7 kana_KI 30ad,4b8 kana_KU 30af,4b9 kana_KE 30b1
4ba kana_KO 30b3,4bb kana_SA 30b5,4bc kana_SHI 30b7,4bd kana_SU 30b9,4be kana_SE 30bb,4bf kana_SO 30bd
4c0 kana_TA 30bf,4c1 kana_CHI 30c1,4c2 kana_TSU 30c4,4c3 kana_TE 30c6,4c4 kana_TO 30c8,4c5 kana_NA 30ca
4c6 kana_NI 30cb,4c7 kana_NU 30cc,4c8 kana_NE 30cd,4c9 kana_NO 30ce,4ca kana_HA 30cf,4cb kana_HI 30d2
4cc kana_FU 30d5,4cd kana_HE 30d8,4ce kana_HO 30db,4cf kana_MA 30de,4d0 kana_MI 30df,4d1 kana_MU 30e0
4d2 kana_ME 30e1,4d3 kana_MO 30e2,4d4 kana_YA 30e4,4d5 kana_YU 30e6,4d6 kana_YO 30e8,4d7 kana_RA 30e9
4d8 kana_RI 30ea,4d9 kana_RU 30eb,4da kana_RE 30ec,4db kana_RO 30ed,4dc kana_WA 30ef,4dd kana_N 30f3
4de voicedsound 309b,4df semivoicedsound 309c,5ac Arabic_comma 60c,5bb Arabic_semicolon 61b
5bf Arabic_question_mark 61f,5c1 Arabic_hamza 621,5c2 Arabic_maddaonalef 622,5c3 Arabic_hamzaonalef 623
5c4 Arabic_hamzaonwaw 624,5c5 Arabic_hamzaunderalef 625,5c6 Arabic_hamzaonyeh 626,5c7 Arabic_alef 627
5c8 Arabic_beh 628,5c9 Arabic_tehmarbuta 629,5ca Arabic_teh 62a,5cb Arabic_theh 62b,5cc Arabic_jeem 62c
5cd Arabic_hah 62d,5ce Arabic_khah 62e,5cf Arabic_dal 62f,5d0 Arabic_thal 630,5d1 Arabic_ra 631
5d2 Arabic_zain 632,5d3 Arabic_seen 633,5d4 Arabic_sheen 634,5d5 Arabic_sad 635,5d6 Arabic_dad 636
5d7 Arabic_tah 637,5d8 Arabic_zah 638,5d9 Arabic_ain 639,5da Arabic_ghain 63a,5e0 Arabic_tatweel 640
5e1 Arabic_feh 641,5e2 Arabic_qaf 642,5e3 Arabic_kaf 643,5e4 Arabic_lam 644,5e5 Arabic_meem 645
5e6 Arabic_noon 646,5e7 Arabic_ha 647,5e8 Arabic_waw 648,5e9 Arabic_alefmaksura 649,5ea Arabic_yeh 64a
5eb Arabic_fathatan 64b,5ec Arabic_dammatan 64c,5ed Arabic_kasratan 64d,5ee Arabic_fatha 64e,5ef Arabic_damma 64f
5f0 Arabic_kasra 650,5f1 Arabic_shadda 651,5f2 Arabic_sukun 652,6a1 Serbian_dje 452,6a2 Macedonia_gje 453
6a3 Cyrillic_io 451,6a4 Ukrainian_ie 454,6a5 Macedonia_dse 455,6a6 Ukrainian_i 456,6a7 Ukrainian_yi 457
6a8 Cyrillic_je 458,6a9 Cyrillic_lje 459,6aa Cyrillic_nje 45a,6ab Serbian_tshe 45b,6ac Macedonia_kje 45c
6ad Ukrainian_ghe_with_upturn 491,6ae Byelorussian_shortu 45e,6af Cyrillic_dzhe 45f,6b0 numerosign 2116
6b1 Serbian_DJE 402,6b2 Macedonia_GJE 403,6b3 Cyrillic_IO 401,6b4 Ukrainian_IE 404,6b5 Macedonia_DSE 405
6b6 Ukrainian_I 406,6b7 Ukrainian_YI 407,6b8 Cyrillic_JE 408,6b9 Cyrillic_LJE 409,6ba Cyrillic_NJE 40a
6bb Serbian_TSHE 40b,6bc Macedonia_KJE 40c,6bd Ukrainian_GHE_WITH_UPTURN 490,6be Byelorussian_SHORTU 40e
6bf Cyrillic_DZHE 40f,6c0 Cyrillic_yu 44e,6c1 Cyrillic_a 430,6c2 Cyrillic_be 431,6c3 Cyrillic_tse 446
6c4 Cyrillic_de 434,6c5 Cyrillic_ie 435,6c6 Cyrillic_ef 444,6c7 Cyrillic_ghe 433,6c8 Cyrillic_ha 445
6c9 Cyrillic_i 438,6ca Cyrillic_shorti 439,6cb Cyrillic_ka 43a,6cc Cyrillic_el 43b,6cd Cyrillic_em 43c
6ce Cyrillic_en 43d,6cf Cyrillic_o 43e,6d0 Cyrillic_pe 43f,6d1 Cyrillic_ya 44f,6d2 Cyrillic_er 440
6d3 Cyrillic_es 441,6d4 Cyrillic_te 442,6d5 Cyrillic_u 443,6d6 Cyrillic_zhe 436,6d7 Cyrillic_ve 432
6d8 Cyrillic_softsign 44c,6d9 Cyrillic_yeru 44b,6da Cyrillic_ze 437,6db Cyrillic_sha 448,6dc Cyrillic_e 44d
6dd Cyrillic_shcha 449,6de Cyrillic_che 447,6df Cyrillic_hardsign 44a,6e0 Cyrillic_YU 42e,6e1 Cyrillic_A 410
6e2 Cyrillic_BE 411,6e3 Cyrillic_TSE 426,6e4 Cyrillic_DE 414,6e5 Cyrillic_IE 415,6e6 Cyrillic_EF 424
6e7 Cyrillic_GHE 413,6e8 Cyrillic_HA 425,6e9 Cyrillic_I 418,6ea Cyrillic_SHORTI 419,6eb Cyrillic_KA 41a
6ec Cyrillic_EL 41b,6ed Cyrillic_EM 41c,6ee Cyrillic_EN 41d,6ef Cyrillic_O 41e,6f0 Cyrillic_PE 41f
6f1 Cyrillic_YA 42f,6f2 Cyrillic_ER 420,6f3 Cyrillic_ES 421,6f4 Cyrillic_TE 422,6f5 Cyrillic_U 423
6f6 Cyrillic_ZHE 416,6f7 Cyrillic_VE 412,6f8 Cyrillic_SOFTSIGN 42c,6f9 Cyrillic_YERU 42b,6fa Cyrillic_ZE 417
6fb Cyrillic_SHA 428,6fc Cyrillic_E 42d,6fd Cyrillic_SHCHA 429,6fe Cyrillic_CHE 427,6ff Cyrillic_HARDSIGN 42a
7a1 Greek_ALPHAaccent 386,7a2 Greek_EPSILONaccent 388,7a3 Greek_ETAaccent 389,7a4 Greek_IOTAaccent 38a
7a5 Greek_IOTAdieresis 3aa,7a7 Greek_OMICRONaccent 38c,7a8 Greek_UPSILONaccent 38e,7a9 Greek_UPSILONdieresis 3ab
7ab Greek_OMEGAaccent 38f,7ae Greek_accentdieresis 385,7af Greek_horizbar 2015,7b1 Greek_alphaaccent 3ac
7b2 Greek_epsilonaccent 3ad,7b3 Greek_etaaccent 3ae,7b4 Greek_iotaaccent 3af,7b5 Greek_iotadieresis 3ca
7b6 Greek_iotaaccentdieresis 390,7b7 Greek_omicronaccent 3cc,7b8 Greek_upsilonaccent 3cd
7b9 Greek_upsilondieresis 3cb,7ba Greek_upsilonaccentdieresis 3b0,7bb Greek_omegaaccent 3ce,7c1 Greek_ALPHA 391
7c2 Greek_BETA 392,7c3 Greek_GAMMA 393,7c4 Greek_DELTA 394,7c5 Greek_EPSILON 395,7c6 Greek_ZETA 396
7c7 Greek_ETA 397,7c8 Greek_THETA 398,7c9 Greek_IOTA 399,7ca Greek_KAPPA 39a,7cb Greek_LAMDA 39b,7cc Greek_MU 39c
7cd Greek_NU 39d,7ce Greek_XI 39e,7cf Greek_OMICRON 39f,7d0 Greek_PI 3a0,7d1 Greek_RHO 3a1,7d2 Greek_SIGMA 3a3
7d4 Greek_TAU 3a4,7d5 Greek_UPSILON 3a5,7d6 Greek_PHI 3a6,7d7 Greek_CHI 3a7,7d8 Greek_PSI 3a8,7d9 Greek_OMEGA 3a9
7e1 Greek_alpha 3b1,7e2 Greek_beta 3b2,7e3 Greek_gamma 3b3,7e4 Greek_delta 3b4,7e5 Greek_epsilon 3b5
7e6 Greek_zeta 3b6,7e7 Greek_eta 3b7,7e8 Greek_theta 3b8,7e9 Greek_iota 3b9,7ea Greek_kappa 3ba
7eb Greek_lamda 3bb,7ec Greek_mu 3bc,7ed Greek_nu 3bd,7ee Greek_xi 3be,7ef Greek_omicron 3bf,7f0 Greek_pi 3c0
7f1 Greek_rho 3c1,7f2 Greek_sigma 3c3,7f3 Greek_finalsmallsigma 3c2,7f4 Greek_tau 3c4,7f5 Greek_upsilon 3c5
7f6 Greek_phi 3c6,7f7 Greek_chi 3c7,7f8 Greek_psi 3c8,7f9 Greek_omega 3c9,8a1 leftradical 23b7
8a2 topleftradical 250c,8a3 horizconnector 2500,8a4 topintegral 2320,8a5 botintegral 2321,8a6 vertconnector 2502
8a7 topleftsqbracket 23a1,8a8 botleftsqbracket 23a3,8a9 toprightsqbracket 23a4,8aa botrightsqbracket 23a6
8ab topleftparens 239b,8ac botleftparens 239d,8ad toprightparens 239e,8ae botrightparens 23a0
8af leftmiddlecurlybrace 23a8,8b0 rightmiddlecurlybrace 23ac,8b1 topleftsummation,8b2 botleftsummation
8b3 topvertsummationconnector,8b4 botvertsummationconnector,8b5 toprightsummation,8b6 botrightsummation
8b7 rightmiddlesummation,8bc lessthanequal 2264,8bd notequal 2260,8be greaterthanequal 2265,8bf integral 222b
8c0 therefore 2234,8c1 variation 221d,8c2 infinity 221e,8c5 nabla 2207,8c8 approximate 223c,8c9 similarequal 2243
8cd ifonlyif 21d4,8ce implies 21d2,8cf identical 2261,8d6 radical 221a,8da includedin 2282,8db includes 2283
8dc intersection 2229,8dd union 222a,8de logicaland 2227,8df logicalor 2228,8ef partialderivative 2202
8f6 function 192,8fb leftarrow 2190,8fc uparrow 2191,8fd rightarrow 2192,8fe downarrow 2193,9df blank
9e0 soliddiamond 25c6,9e1 checkerboard 2592,9e2 ht 2409,9e3 ff 240c,9e4 cr 240d,9e5 lf 240a,9e8 nl 2424
9e9 vt 240b,9ea lowrightcorner 2518,9eb uprightcorner 2510,9ec upleftcorner 250c,9ed lowleftcorner 2514
9ee crossinglines 253c,9ef horizlinescan1 23ba,9f0 horizlinescan3 23bb,9f1 horizlinescan5 2500
9f2 horizlinescan7 23bc,9f3 horizlinescan9 23bd,9f4 leftt 251c,9f5 rightt 2524,9f6 bott 2534,9f7 topt 252c
9f8 vertbar 2502,aa1 emspace 2003,aa2 enspace 2002,aa3 em3space 2004,aa4 em4space 2005,aa5 digitspace 2007
aa6 punctspace 2008,aa7 thinspace 2009,aa8 hairspace 200a,aa9 emdash 2014,aaa endash 2013,aac signifblank 2423
aae ellipsis 2026,aaf doubbaselinedot 2025,ab0 onethird 2153,ab1 twothirds 2154,ab2 onefifth 2155
ab3 twofifths 2156,ab4 threefifths 2157,ab5 fourfifths 2158,ab6 onesixth 2159,ab7 fivesixths 215a,ab8 careof 2105
abb figdash 2012,abc leftanglebracket 2329,abd decimalpoint 2e,abe rightanglebracket 232a,abf marker
ac3 oneeighth 215b,ac4 threeeighths 215c,ac5 fiveeighths 215d,ac6 seveneighths 215e,ac9 trademark 2122
aca signaturemark 2613,acb trademarkincircle,acc leftopentriangle 25c1,acd rightopentriangle 25b7
ace emopencircle 25cb,acf emopenrectangle 25af,ad0 leftsinglequotemark 2018,ad1 rightsinglequotemark 2019
ad2 leftdoublequotemark 201c,ad3 rightdoublequotemark 201d,ad4 prescription 211e,ad5 permille 2030
ad6 minutes 2032,ad7 seconds 2033,ad9 latincross 271d,ada hexagram,adb filledrectbullet 25ac
adc filledlefttribullet 25c0,add filledrighttribullet 25b6,ade emfilledcircle 25cf,adf emfilledrect 25ae
ae0 enopencircbullet 25e6,ae1 enopensquarebullet 25ab,ae2 openrectbullet 25ad,ae3 opentribulletup 25b3
ae4 opentribulletdown 25bd,ae5 openstar 2606,ae6 enfilledcircbullet 2022,ae7 enfilledsqbullet 25aa
ae8 filledtribulletup 25b2,ae9 filledtribulletdown 25bc,aea leftpointer 261c,aeb rightpointer 261e,aec club 2663
aed diamond 2666,aee heart 2665,af0 maltesecross 2720,af1 dagger 2020,af2 doubledagger 2021,af3 checkmark 2713
af4 ballotcross 2717,af5 musicalsharp 266f,af6 musicalflat 266d,af7 malesymbol 2642,af8 femalesymbol 2640
af9 telephone 260e,afa telephonerecorder 2315,afb phonographcopyright 2117,afc caret 2038
afd singlelowquotemark 201a,afe doublelowquotemark 201e,aff cursor,ba3 leftcaret 3c,ba6 rightcaret 3e
ba8 downcaret 2228,ba9 upcaret 2227,bc0 overbar af,bc2 downtack 22a4,bc3 upshoe 2229,bc4 downstile 230a
bc6 underbar 5f,bca jot 2218,bcc quad 2395,bce uptack 22a5,bcf circle 25cb,bd3 upstile 2308,bd6 downshoe 222a
bd8 rightshoe 2283,bda leftshoe 2282,bdc lefttack 22a3,bfc righttack 22a2,cdf hebrew_doublelowline 2017
ce0 hebrew_aleph 5d0,ce1 hebrew_bet 5d1,ce2 hebrew_gimel 5d2,ce3 hebrew_dalet 5d3,ce4 hebrew_he 5d4
ce5 hebrew_waw 5d5,ce6 hebrew_zain 5d6,ce7 hebrew_chet 5d7,ce8 hebrew_tet 5d8,ce9 hebrew_yod 5d9
cea hebrew_finalkaph 5da,ceb hebrew_kaph 5db,cec hebrew_lamed 5dc,ced hebrew_finalmem 5dd,cee hebrew_mem 5de
cef hebrew_finalnun 5df,cf0 hebrew_nun 5e0,cf1 hebrew_samech 5e1,cf2 hebrew_ayin 5e2,cf3 hebrew_finalpe 5e3
cf4 hebrew_pe 5e4,cf5 hebrew_finalzade 5e5,cf6 hebrew_zade 5e6,cf7 hebrew_qoph 5e7,cf8 hebrew_resh 5e8
cf9 hebrew_shin 5e9,cfa hebrew_taw 5ea,da1 Thai_kokai e01,da2 Thai_khokhai e02,da3 Thai_khokhuat e03
da4 Thai_khokhwai e04,da5 Thai_khokhon e05,da6 Thai_khorakhang e06,da7 Thai_ngongu e07,da8 Thai_chochan e08
da9 Thai_choching e09,daa Thai_chochang e0a,dab Thai_soso e0b,dac Thai_chochoe e0c,dad Thai_yoying e0d
dae Thai_dochada e0e,daf Thai_topatak e0f,db0 Thai_thothan e10,db1 Thai_thonangmontho e11,db2 Thai_thophuthao e12
db3 Thai_nonen e13,db4 Thai_dodek e14,db5 Thai_totao e15,db6 Thai_thothung e16,db7 Thai_thothahan e17
db8 Thai_thothong e18,db9 Thai_nonu e19,dba Thai_bobaimai e1a,dbb Thai_popla e1b,dbc Thai_phophung e1c
dbd Thai_fofa e1d,dbe Thai_phophan e1e,dbf Thai_fofan e1f,dc0 Thai_phosamphao e20,dc1 Thai_moma e21
dc2 Thai_yoyak e22,dc3 Thai_rorua e23,dc4 Thai_ru e24,dc5 Thai_loling e25,dc6 Thai_lu e26,dc7 Thai_wowaen e27
dc8 Thai_sosala e28,dc9 Thai_sorusi e29,dca Thai_sosua e2a,dcb Thai_hohip e2b,dcc Thai_lochula e2c
dcd Thai_oang e2d,dce Thai_honokhuk e2e,dcf Thai_paiyannoi e2f,dd0 Thai_saraa e30,dd1 Thai_maihanakat e31
dd2 Thai_saraaa e32,dd3 Thai_saraam e33,dd4 Thai_sarai e34,dd5 Thai_saraii e35,dd6 Thai_saraue e36
dd7 Thai_sarauee e37,dd8 Thai_sarau e38,dd9 Thai_sarauu e39,dda Thai_phinthu e3a,dde Thai_maihanakat_maitho
ddf Thai_baht e3f,de0 Thai_sarae e40,de1 Thai_saraae e41,de2 Thai_sarao e42,de3 Thai_saraaimaimuan e43
de4 Thai_saraaimaimalai e44,de5 Thai_lakkhangyao e45,de6 Thai_maiyamok e46,de7 Thai_maitaikhu e47
de8 Thai_maiek e48,de9 Thai_maitho e49,dea Thai_maitri e4a,deb Thai_maichattawa e4b,dec Thai_thanthakhat e4c
ded Thai_nikhahit e4d,df0 Thai_leksun e50,df1 Thai_leknung e51,df2 Thai_leksong e52,df3 Thai_leksam e53
df4 Thai_leksi e54,df5 Thai_lekha e55,df6 Thai_lekhok e56,df7 Thai_lekchet e57,df8 Thai_lekpaet e58
df9 Thai_lekkao e59,ea1 Hangul_Kiyeog 3131,ea2 Hangul_SsangKiyeog 3132,ea3 Hangul_KiyeogSios 3133
ea4 Hangul_Nieun 3134,ea5 Hangul_NieunJieuj 3135,ea6 Hangul_NieunHieuh 3136,ea7 Hangul_Dikeud 3137
ea8 Hangul_SsangDikeud 3138,ea9 Hangul_Rieul 3139,eaa Hangul_RieulKiyeog 313a,eab Hangul_RieulMieum 313b
eac Hangul_RieulPieub 313c,ead Hangul_RieulSios 313d,eae Hangul_RieulTieut 313e,eaf Hangul_RieulPhieuf 313f
eb0 Hangul_RieulHieuh 3140,eb1 Hangul_Mieum 3141,eb2 Hangul_Pieub 3142,eb3 Hangul_SsangPieub 3143
eb4 Hangul_PieubSios 3144,eb5 Hangul_Sios 3145,eb6 Hangul_SsangSios 3146,eb7 Hangul_Ieung 3147
eb8 Hangul_Jieuj 3148,eb9 Hangul_SsangJieuj 3149,eba Hangul_Cieuc 314a,ebb Hangul_Khieuq 314b
ebc Hangul_Tieut 314c,ebd Hangul_Phieuf 314d,ebe Hangul_Hieuh 314e,ebf Hangul_A 314f,ec0 Hangul_AE 3150
ec1 Hangul_YA 3151,ec2 Hangul_YAE 3152,ec3 Hangul_EO 3153,ec4 Hangul_E 3154,ec5 Hangul_YEO 3155
ec6 Hangul_YE 3156,ec7 Hangul_O 3157,ec8 Hangul_WA 3158,ec9 Hangul_WAE 3159,eca Hangul_OE 315a,ecb Hangul_YO 315b
ecc Hangul_U 315c,ecd Hangul_WEO 315d,ece Hangul_WE 315e,ecf Hangul_WI 315f,ed0 Hangul_YU 3160,ed1 Hangul_EU 3161
ed2 Hangul_YI 3162,ed3 Hangul_I 3163,ed4 Hangul_J_Kiyeog 11a8,ed5 Hangul_J_SsangKiyeog 11a9
ed6 Hangul_J_KiyeogSios 11aa,ed7 Hangul_J_Nieun 11ab,ed8 Hangul_J_NieunJieuj 11ac,ed9 Hangul_J_NieunHieuh 11ad
eda Hangul_J_Dikeud 11ae,edb Hangul_J_Rieul 11af,edc Hangul_J_RieulKiyeog 11b0,edd Hangul_J_RieulMieum 11b1
ede Hangul_J_RieulPieub 11b2,edf Hangul_J_RieulSios 11b3,ee0 Hangul_J_RieulTieut 11b4
ee1 Hangul_J_RieulPhieuf 11b5,ee2 Hangul_J_RieulHieuh 11b6,ee3 Hangul_J_Mieum 11b7,ee4 Hangul_J_Pieub 11b8
ee5 Hangul_J_PieubSios 11b9,ee6 Hangul_J_Sios 11ba,ee7 Hangul_J_SsangSios 11bb,ee8 Hangul_J_Ieung 11bc
ee9 Hangul_J_Jieuj 11bd,eea Hangul_J_Cieuc 11be,eeb Hangul_J_Khieuq 11bf,eec Hangul_J_Tieut 11c0
eed Hangul_J_Phieuf 11c1,eee Hangul_J_Hieuh 11c2,eef Hangul_RieulYeorinHieuh 316d
ef0 Hangul_SunkyeongeumMieum 3171,ef1 Hangul_SunkyeongeumPieub 3178,ef2 Hangul_PanSios 317f
ef3 Hangul_KkogjiDalrinIeung 3181,ef4 Hangul_SunkyeongeumPhieuf 3184,ef5 Hangul_YeorinHieuh 3186
ef6 Hangul_AraeA 318d,ef7 Hangul_AraeAE 318e,ef8 Hangul_J_PanSios 11eb,ef9 Hangul_J_KkogjiDalrinIeung 11f0
efa Hangul_J_YeorinHieuh 11f9,eff Korean_Won 20a9,13bc OE 152,13bd oe 153,13be Ydiaeresis 178,20ac EuroSign 20ac
fd01 3270_Duplicate,fd02 3270_FieldMark,fd03 3270_Right2,fd04 3270_Left2,fd05 3270_BackTab,fd06 3270_EraseEOF
fd07 3270_EraseInput,fd08 3270_Reset,fd09 3270_Quit,fd0a 3270_PA1,fd0b 3270_PA2,fd0c 3270_PA3,fd0d 3270_Test
fd0e 3270_Attn,fd0f 3270_CursorBlink,fd10 3270_AltCursor,fd11 3270_KeyClick,fd12 3270_Jump,fd13 3270_Ident
fd14 3270_Rule,fd15 3270_Copy,fd16 3270_Play,fd17 3270_Setup,fd18 3270_Record,fd19 3270_ChangeScreen
fd1a 3270_DeleteWord,fd1b 3270_ExSelect,fd1c 3270_CursorSelect,fd1d 3270_PrintScreen,fd1e 3270_Enter
fe01 ISO_Lock,fe02 ISO_Level2_Latch,fe03 ISO_Level3_Shift,fe04 ISO_Level3_Latch,fe05 ISO_Level3_Lock
fe06 ISO_Group_Latch,fe07 ISO_Group_Lock,fe08 ISO_Next_Group,fe09 ISO_Next_Group_Lock,fe0a ISO_Prev_Group
fe0b ISO_Prev_Group_Lock,fe0c ISO_First_Group,fe0d ISO_First_Group_Lock,fe0e ISO_Last_Group
fe0f ISO_Last_Group_Lock,fe11 ISO_Level5_Shift,fe12 ISO_Level5_Latch,fe13 ISO_Level5_Lock,fe20 ISO_Left_Tab
fe21 ISO_Move_Line_Up,fe22 ISO_Move_Line_Down,fe23 ISO_Partial_Line_Up,fe24 ISO_Partial_Line_Down
fe25 ISO_Partial_Space_Left,fe26 ISO_Partial_Space_Right,fe27 ISO_Set_Margin_Left,fe28 ISO_Set_Margin_Right
fe29 ISO_Release_Margin_Left,fe2a ISO_Release_Margin_Right,fe2b ISO_Release_Both_Margins
fe2c ISO_Fast_Cursor_Left,fe2d ISO_Fast_Cursor_Right,fe2e ISO_Fast_Cursor_Up,fe2f ISO_Fast_Cursor_Down
fe30 ISO_Continuous_Underline,fe31 ISO_Discontinuous_Underline,fe32 ISO_Emphasize,fe33 ISO_Center_Object
fe34 ISO_Enter,fe50 dead_grave,fe51 dead_acute,fe52 dead_circumflex,fe53 dead_tilde,fe54 dead_macron
fe55 dead_breve,fe56 dead_abovedot,fe57 dead_diaeresis,fe58 dead_abovering,fe59 dead_doubleacute,fe5a dead_caron
fe5b dead_cedilla,fe5c dead_ogonek,fe5d dead_iota,fe5e dead_voiced_sound,fe5f dead_semivoiced_sound
fe60 dead_belowdot,fe61 dead_hook,fe62 dead_horn,fe63 dead_stroke,fe64 dead_abovecomma
fe65 dead_abovereversedcomma,fe66 dead_doublegrave,fe67 dead_belowring,fe68 dead_belowmacron
fe69 dead_belowcircumflex,fe6a dead_belowtilde,fe6b dead_belowbreve,fe6c dead_belowdiaeresis
fe6d dead_invertedbreve,fe6e dead_belowcomma,fe6f dead_currency,fe70 AccessX_Enable,fe71 AccessX_Feedback_Enable
fe72 RepeatKeys_Enable,fe73 SlowKeys_Enable,fe74 BounceKeys_Enable,fe75 StickyKeys_Enable,fe76 MouseKeys_Enable
fe77 MouseKeys_Accel_Enable,fe78 Overlay1_Enable,fe79 Overlay2_Enable,fe7a AudibleBell_Enable,fe80 dead_a
fe81 dead_A,fe82 dead_e,fe83 dead_E,fe84 dead_i,fe85 dead_I,fe86 dead_o,fe87 dead_O,fe88 dead_u,fe89 dead_U
fe8a dead_small_schwa,fe8b dead_capital_schwa,fe8c dead_greek,fe90 dead_lowline,fe91 dead_aboveverticalline
fe92 dead_belowverticalline,fe93 dead_longsolidusoverlay,fea0 ch,fea1 Ch,fea2 CH,fea3 c_h,fea4 C_h,fea5 C_H
fed0 First_Virtual_Screen,fed1 Prev_Virtual_Screen,fed2 Next_Virtual_Screen,fed4 Last_Virtual_Screen
fed5 Terminate_Server,fee0 Pointer_Left,fee1 Pointer_Right,fee2 Pointer_Up,fee3 Pointer_Down,fee4 Pointer_UpLeft
fee5 Pointer_UpRight,fee6 Pointer_DownLeft,fee7 Pointer_DownRight,fee8 Pointer_Button_Dflt,fee9 Pointer_Button1
feea Pointer_Button2,feeb Pointer_Button3,feec Pointer_Button4,feed Pointer_Button5,feee Pointer_DblClick_Dflt
feef Pointer_DblClick1,fef0 Pointer_DblClick2,fef1 Pointer_DblClick3,fef2 Pointer_DblClick4
fef3 Pointer_DblClick5,fef4 Pointer_Drag_Dflt,fef5 Pointer_Drag1,fef6 Pointer_Drag2,fef7 Pointer_Drag3
fef8 Pointer_Drag4,fef9 Pointer_EnableKeys,fefa Pointer_Accelerate,fefb Pointer_DfltBtnNext
fefc Pointer_DfltBtnPrev,fefd Pointer_Drag5,ff08 BackSpace,ff09 Tab,ff0a Linefeed,ff0b Clear,ff0d Return
ff13 Pause,ff14 Scroll_Lock,ff15 Sys_Req,ff1b Escape,ff20 Multi_key,ff21 Kanji,ff22 Muhenkan,ff23 Henkan_Mode
ff24 Romaji,ff25 Hiragana,ff26 Katakana,ff27 Hiragana_Katakana,ff28 Zenkaku,ff29 Hankaku,ff2a Zenkaku_Hankaku
ff2b Touroku,ff2c Massyo,ff2d Kana_Lock,ff2e Kana_Shift,ff2f Eisu_Shift,ff30 Eisu_toggle,ff31 Hangul
ff32 Hangul_Start,ff33 Hangul_End,ff34 Hangul_Hanja,ff35 Hangul_Jamo,ff36 Hangul_Romaja,ff37 Codeinput
ff38 Hangul_Jeonja,ff39 Hangul_Banja,ff3a Hangul_PreHanja,ff3b Hangul_PostHanja,ff3c SingleCandidate
ff3d MultipleCandidate,ff3e PreviousCandidate,ff3f Hangul_Special,ff50 Home,ff51 Left,ff52 Up,ff53 Right
ff54 Down,ff55 Prior,ff56 Next,ff57 End,ff58 Begin,ff60 Select,ff61 Print,ff62 Execute,ff63 Insert,ff65 Undo
ff66 Redo,ff67 Menu,ff68 Find,ff69 Cancel,ff6a Help,ff6b Break,ff7e Mode_switch,ff7f Num_Lock,ff80 KP_Space
ff89 KP_Tab,ff8d KP_Enter,ff91 KP_F1,ff92 KP_F2,ff93 KP_F3,ff94 KP_F4,ff95 KP_Home,ff96 KP_Left,ff97 KP_Up
ff98 KP_Right,ff99 KP_Down,ff9a KP_Prior,ff9b KP_Next,ff9c KP_End,ff9d KP_Begin,ff9e KP_Insert,ff9f KP_Delete
ffaa KP_Multiply,ffab KP_Add,ffac KP_Separator,ffad KP_Subtract,ffae KP_Decimal,ffaf KP_Divide,ffb0 KP_0
ffb1 KP_1,ffb2 KP_2,ffb3 KP_3,ffb4 KP_4,ffb5 KP_5,ffb6 KP_6,ffb7 KP_7,ffb8 KP_8,ffb9 KP_9,ffbd KP_Equal,ffbe F1
ffbf F2,ffc0 F3,ffc1 F4,ffc2 F5,ffc3 F6,ffc4 F7,ffc5 F8,ffc6 F9,ffc7 F10,ffc8 F11,ffc9 F12,ffca F13,ffcb F14
ffcc F15,ffcd F16,ffce F17,ffcf F18,ffd0 F19,ffd1 F20,ffd2 F21,ffd3 F22,ffd4 F23,ffd5 F24,ffd6 F25,ffd7 F26
ffd8 F27,ffd9 F28,ffda F29,ffdb F30,ffdc F31,ffdd F32,ffde F33,ffdf F34,ffe0 F35,ffe1 Shift_L,ffe2 Shift_R
ffe3 Control_L,ffe4 Control_R,ffe5 Caps_Lock,ffe6 Shift_Lock,ffe7 Meta_L,ffe8 Meta_R,ffe9 Alt_L,ffea Alt_R
ffeb Super_L,ffec Super_R,ffed Hyper_L,ffee Hyper_R,fff1 braille_dot_1,fff2 braille_dot_2,fff3 braille_dot_3
fff4 braille_dot_4,fff5 braille_dot_5,fff6 braille_dot_6,fff7 braille_dot_7,fff8 braille_dot_8,fff9 braille_dot_9
fffa braille_dot_10,ffff Delete,ffffff VoidSymbol,100810f4 XF86BrightnessAuto,100810f5 XF86DisplayOff
10081166 XF86Info,10081177 XF86AspectRatio,10081185 XF86DVD,10081188 XF86Audio,10081192 XF86ChannelUp
10081193 XF86ChannelDown,1008119b XF86Break,100811a0 XF86VideoPhone,100811a4 XF86ZoomReset,100811a6 XF86Editor
100811a8 XF86GraphicsEditor,100811a9 XF86Presentation,100811aa XF86Database,100811ac XF86Voicemail
100811ad XF86Addressbook,100811af XF86DisplayToggle,100811b0 XF86SpellCheck,100811b6 XF86ContextMenu
100811b7 XF86MediaRepeat,100811b8 XF8610ChannelsUp,100811b9 XF8610ChannelsDown,100811ba XF86Images
100811bc XF86NotificationCenter,100811bd XF86PickupPhone,100811be XF86HangupPhone,100811d0 XF86Fn
100811d1 XF86Fn_Esc,100811e5 XF86FnRightShift,10081200 XF86Numeric0,10081201 XF86Numeric1,10081202 XF86Numeric2
10081203 XF86Numeric3,10081204 XF86Numeric4,10081205 XF86Numeric5,10081206 XF86Numeric6,10081207 XF86Numeric7
10081208 XF86Numeric8,10081209 XF86Numeric9,1008120a XF86NumericStar,1008120b XF86NumericPound
1008120c XF86NumericA,1008120d XF86NumericB,1008120e XF86NumericC,1008120f XF86NumericD,10081210 XF86CameraFocus
10081211 XF86WPSButton,10081215 XF86CameraZoomIn,10081216 XF86CameraZoomOut,10081217 XF86CameraUp
10081218 XF86CameraDown,10081219 XF86CameraLeft,1008121a XF86CameraRight,1008121b XF86AttendantOn
1008121c XF86AttendantOff,1008121d XF86AttendantToggle,1008121e XF86LightsToggle,10081230 XF86ALSToggle
10081240 XF86Buttonconfig,10081241 XF86Taskmanager,10081242 XF86Journal,10081243 XF86ControlPanel
10081244 XF86AppSelect,10081245 XF86Screensaver,10081246 XF86VoiceCommand,10081247 XF86Assistant
10081249 XF86EmojiPicker,1008124a XF86Dictate,10081250 XF86BrightnessMin,10081251 XF86BrightnessMax
10081260 XF86KbdInputAssistPrev,10081261 XF86KbdInputAssistNext,10081262 XF86KbdInputAssistPrevgroup
10081263 XF86KbdInputAssistNextgroup,10081264 XF86KbdInputAssistAccept,10081265 XF86KbdInputAssistCancel
10081266 XF86RightUp,10081267 XF86RightDown,10081268 XF86LeftUp,10081269 XF86LeftDown,1008126a XF86RootMenu
1008126b XF86MediaTopMenu,1008126c XF86Numeric11,1008126d XF86Numeric12,1008126e XF86AudioDesc
1008126f XF863DMode,10081270 XF86NextFavorite,10081271 XF86StopRecord,10081272 XF86PauseRecord,10081273 XF86VOD
10081274 XF86Unmute,10081275 XF86FastReverse,10081276 XF86SlowReverse,10081277 XF86Data
10081278 XF86OnScreenKeyboard,10081279 XF86PrivacyScreenToggle,1008127a XF86SelectiveScreenshot
10081290 XF86Macro1,10081291 XF86Macro2,10081292 XF86Macro3,10081293 XF86Macro4,10081294 XF86Macro5
10081295 XF86Macro6,10081296 XF86Macro7,10081297 XF86Macro8,10081298 XF86Macro9,10081299 XF86Macro10
1008129a XF86Macro11,1008129b XF86Macro12,1008129c XF86Macro13,1008129d XF86Macro14,1008129e XF86Macro15
1008129f XF86Macro16,100812a0 XF86Macro17,100812a1 XF86Macro18,100812a2 XF86Macro19,100812a3 XF86Macro20
100812a4 XF86Macro21,100812a5 XF86Macro22,100812a6 XF86Macro23,100812a7 XF86Macro24,100812a8 XF86Macro25
100812a9 XF86Macro26,100812aa XF86Macro27,100812ab XF86Macro28,100812ac XF86Macro29,100812ad XF86Macro30
100812b0 XF86MacroRecordStart,100812b1 XF86MacroRecordStop,100812b2 XF86MacroPresetCycle
100812b3 XF86MacroPreset1,100812b4 XF86MacroPreset2,100812b5 XF86MacroPreset3,100812b8 XF86KbdLcdMenu1
100812b9 XF86KbdLcdMenu2,100812ba XF86KbdLcdMenu3,100812bb XF86KbdLcdMenu4,100812bc XF86KbdLcdMenu5
1008fe01 XF86Switch_VT_1,1008fe02 XF86Switch_VT_2,1008fe03 XF86Switch_VT_3,1008fe04 XF86Switch_VT_4
1008fe05 XF86Switch_VT_5,1008fe06 XF86Switch_VT_6,1008fe07 XF86Switch_VT_7,1008fe08 XF86Switch_VT_8
1008fe09 XF86Switch_VT_9,1008fe0a XF86Switch_VT_10,1008fe0b XF86Switch_VT_11,1008fe0c XF86Switch_VT_12
1008fe20 XF86Ungrab,1008fe21 XF86ClearGrab,1008fe22 XF86Next_VMode,1008fe23 XF86Prev_VMode
1008fe24 XF86LogWindowTree,1008fe25 XF86LogGrabInfo,1008ff01 XF86ModeLock,1008ff02 XF86MonBrightnessUp
1008ff03 XF86MonBrightnessDown,1008ff04 XF86KbdLightOnOff,1008ff05 XF86KbdBrightnessUp
1008ff06 XF86KbdBrightnessDown,1008ff07 XF86MonBrightnessCycle,1008ff10 XF86Standby,1008ff11 XF86AudioLowerVolume
1008ff12 XF86AudioMute,1008ff13 XF86AudioRaiseVolume,1008ff14 XF86AudioPlay,1008ff15 XF86AudioStop
1008ff16 XF86AudioPrev,1008ff17 XF86AudioNext,1008ff18 XF86HomePage,1008ff19 XF86Mail,1008ff1a XF86Start
1008ff1b XF86Search,1008ff1c XF86AudioRecord,1008ff1d XF86Calculator,1008ff1e XF86Memo,1008ff1f XF86ToDoList
1008ff20 XF86Calendar,1008ff21 XF86PowerDown,1008ff22 XF86ContrastAdjust,1008ff23 XF86RockerUp
1008ff24 XF86RockerDown,1008ff25 XF86RockerEnter,1008ff26 XF86Back,1008ff27 XF86Forward,1008ff28 XF86Stop
1008ff29 XF86Refresh,1008ff2a XF86PowerOff,1008ff2b XF86WakeUp,1008ff2c XF86Eject,1008ff2d XF86ScreenSaver
1008ff2e XF86WWW,1008ff2f XF86Sleep,1008ff30 XF86Favorites,1008ff31 XF86AudioPause,1008ff32 XF86AudioMedia
1008ff33 XF86MyComputer,1008ff34 XF86VendorHome,1008ff35 XF86LightBulb,1008ff36 XF86Shop,1008ff37 XF86History
1008ff38 XF86OpenURL,1008ff39 XF86AddFavorite,1008ff3a XF86HotLinks,1008ff3b XF86BrightnessAdjust
1008ff3c XF86Finance,1008ff3d XF86Community,1008ff3e XF86AudioRewind,1008ff3f XF86BackForward
1008ff40 XF86Launch0,1008ff41 XF86Launch1,1008ff42 XF86Launch2,1008ff43 XF86Launch3,1008ff44 XF86Launch4
1008ff45 XF86Launch5,1008ff46 XF86Launch6,1008ff47 XF86Launch7,1008ff48 XF86Launch8,1008ff49 XF86Launch9
1008ff4a XF86LaunchA,1008ff4b XF86LaunchB,1008ff4c XF86LaunchC,1008ff4d XF86LaunchD,1008ff4e XF86LaunchE
1008ff4f XF86LaunchF,1008ff50 XF86ApplicationLeft,1008ff51 XF86ApplicationRight,1008ff52 XF86Book,1008ff53 XF86CD
1008ff54 XF86Calculater,1008ff55 XF86Clear,1008ff56 XF86Close,1008ff57 XF86Copy,1008ff58 XF86Cut
1008ff59 XF86Display,1008ff5a XF86DOS,1008ff5b XF86Documents,1008ff5c XF86Excel,1008ff5d XF86Explorer
1008ff5e XF86Game,1008ff5f XF86Go,1008ff60 XF86iTouch,1008ff61 XF86LogOff,1008ff62 XF86Market
1008ff63 XF86Meeting,1008ff65 XF86MenuKB,1008ff66 XF86MenuPB,1008ff67 XF86MySites,1008ff68 XF86New
1008ff69 XF86News,1008ff6a XF86OfficeHome,1008ff6b XF86Open,1008ff6c XF86Option,1008ff6d XF86Paste
1008ff6e XF86Phone,1008ff70 XF86Q,1008ff72 XF86Reply,1008ff73 XF86Reload,1008ff74 XF86RotateWindows
1008ff75 XF86RotationPB,1008ff76 XF86RotationKB,1008ff77 XF86Save,1008ff78 XF86ScrollUp,1008ff79 XF86ScrollDown
1008ff7a XF86ScrollClick,1008ff7b XF86Send,1008ff7c XF86Spell,1008ff7d XF86SplitScreen,1008ff7e XF86Support
1008ff7f XF86TaskPane,1008ff80 XF86Terminal,1008ff81 XF86Tools,1008ff82 XF86Travel,1008ff84 XF86UserPB
1008ff85 XF86User1KB,1008ff86 XF86User2KB,1008ff87 XF86Video,1008ff88 XF86WheelButton,1008ff89 XF86Word
1008ff8a XF86Xfer,1008ff8b XF86ZoomIn,1008ff8c XF86ZoomOut,1008ff8d XF86Away,1008ff8e XF86Messenger
1008ff8f XF86WebCam,1008ff90 XF86MailForward,1008ff91 XF86Pictures,1008ff92 XF86Music,1008ff93 XF86Battery
1008ff94 XF86Bluetooth,1008ff95 XF86WLAN,1008ff96 XF86UWB,1008ff97 XF86AudioForward,1008ff98 XF86AudioRepeat
1008ff99 XF86AudioRandomPlay,1008ff9a XF86Subtitle,1008ff9b XF86AudioCycleTrack,1008ff9c XF86CycleAngle
1008ff9d XF86FrameBack,1008ff9e XF86FrameForward,1008ff9f XF86Time,1008ffa0 XF86Select,1008ffa1 XF86View
1008ffa2 XF86TopMenu,1008ffa3 XF86Red,1008ffa4 XF86Green,1008ffa5 XF86Yellow,1008ffa6 XF86Blue
1008ffa7 XF86Suspend,1008ffa8 XF86Hibernate,1008ffa9 XF86TouchpadToggle,1008ffb0 XF86TouchpadOn
1008ffb1 XF86TouchpadOff,1008ffb2 XF86AudioMicMute,1008ffb3 XF86Keyboard,1008ffb4 XF86WWAN,1008ffb5 XF86RFKill
1008ffb6 XF86AudioPreset,1008ffb7 XF86RotationLockToggle,1008ffb8 XF86FullScreen
`;
