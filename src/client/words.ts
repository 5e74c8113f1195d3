/** Words so common that nearly every vocabulary has each as one token. None twice, none the beginning of a sentence. */
export const commonWords: readonly string[] = `
the of and to in is was for that on with as it at by from his he be this are or had not but have an they which one you
were all her she there would their we him been has when who will no more if out so up said what its about than into them
can only other time new some could these two may first then do any like my now over such our man me even most made after
also did many off before must well back through years much where your way down should because long each just state those
people too mr how little good world make very year still see own work men day get here old between both life being under
three never know same last another while us might great go come since against right came take used himself few house use
place during without again home around small however found thought went say part once general high upon school every don
does got united left number course war until always away something fact water though public put think almost hand enough
far took head yet government system set told nothing night end why called eyes find going look asked later knew point
next city business give group toward young days let room side social given several order rather second possible face per
among form important often things looked early white case john large big need four within felt children along saw best
church ever least power development light thing seemed family interest want members mind country area others turned
although open done himself service certain kind problem began different door thus help sense means whole matter
tree boy girl dog cat play happy friend mom ball park fun big red blue bird sun saw loved ran smiled box toy
`
  .trim()
  .split(/\s+/)
  .filter((word, i, all) => all.indexOf(word) === i);
